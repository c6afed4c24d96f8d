//! The summaries that commands print for people.

mod evaluation;
mod gate;
mod generations;
mod lines;
mod slices;
mod verification;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use evaluation::of_evaluation;
pub(crate) use generations::{
    of_difference, of_generations, of_no_rollback, of_pin, of_pruning, of_rollback,
};
use indicatif::{HumanBytes, HumanCount};
use lines::Lines;
use pipeline::run::{Outcome, Report};
use pipeline::shards::{Partition, PartitionSettings};
use store::manifest::{Account, Rows};
pub(crate) use verification::of_verification;

use super::invocation::{Hints, Invocation};

/// Returns the account of a run: what was read, how good the model is, what was published, and the next command.
pub(crate) fn of_run(report: &Report, hints: &Hints) -> String {
    let (mut lines, output) = (Lines::default(), hints.output());
    let Report { outcome, manifest, rejects, page, .. } = report;
    let id = &manifest.generation;
    let rollback = hints.command([&"rollback", id]);
    match outcome {
        Outcome::Published | Outcome::Refused => {}
        Outcome::Unchanged => {
            lines.labeled(
                "Unchanged",
                format!("since {id} in {output}: same ratings, movies, settings and program"),
            );
            lines.continued("nothing was done; use --always to run all the same");
            return lines.finish();
        }
        Outcome::Withdrawn => {
            lines.labeled("Unchanged", format!("since {id} in {output}, which was withdrawn by a rollback"));
            lines.continued("nothing was done; use --always to run all the same");
            lines.blank();
            lines.line(format!("Publish it again: {rollback}"));
            return lines.finish();
        }
    }
    let account = &manifest.account;
    write_input(&mut lines, account, rejects);
    write_model(&mut lines, account, manifest.n_shards);
    gate::write(&mut lines, &account.gate);
    if let Some(page) = page {
        lines.labeled("Report", page.display());
    }
    if *outcome == Outcome::Refused {
        let published = match &account.gate.baseline {
            Some(baseline) => format!("{baseline} stays published"),
            None => "nothing is published".to_owned(),
        };
        lines.labeled("Kept", format!("{id} in {output}; {published}"));
        lines.blank();
        if let Some(before) = &account.gate.baseline {
            let diff = hints.command([&"diff", before, id]);
            lines.line(format!("Compare them: {diff}"));
        }
        lines.line(format!("Publish it all the same: {rollback}"));
        return lines.finish();
    }
    lines.labeled("Published", format!("{id} in {output}"));
    lines.blank();
    lines.line(format!("Serve it: {}", hints.serve()));
    lines.line("Then try: curl 'http://127.0.0.1:8080/recommendations?user_id=1&returnMetadata=true'");
    lines.finish()
}

/// Writes how many rows of the ratings and of the movies were kept, and why others were not.
fn write_input(lines: &mut Lines, account: &Account, rejects: &Path) {
    let (rows, movies) = (&account.rows, &account.movie_rows);
    write_rows(lines, &account.source.ratings.path, rows);
    lines.count(movies.kept, "movies described");
    for (reason, count) in by_count(&movies.rejected_by_reason) {
        lines.count(count, format!("  rejected: {reason}"));
    }
    write_rows_inside(lines, movies.with_rows_inside);
    if movies.denied > 0 {
        lines.count(movies.denied, "  denied");
    }
    if rows.rejected + movies.rejected > 0 {
        lines.continued(format!("each with its line in {}", rejects.display()));
    }
}

/// Writes what the model was trained on, how good it is, and what each phase took.
fn write_model(lines: &mut Lines, account: &Account, n_shards: Option<u32>) {
    let counts = &account.counts;
    let [users, items, ratings] = [counts.users, counts.movies, counts.ratings].map(HumanCount);
    let trained = match (account.parameters.get("trained_shards"), n_shards) {
        (Some(n), Some(n_shards)) => format!("the users of {n} shards of {n_shards}"),
        _ => format!("{users} users"),
    };
    lines.labeled("Trained", format!("on {ratings} ratings of {trained} and {items} movies"));
    if let (Some(rmse), Some(mae)) = (account.metrics.get("rmse"), account.metrics.get("mae")) {
        lines.continued(format!("RMSE {rmse:.4}, MAE {mae:.4} stars on held-out ratings"));
    }
    let metrics: Vec<_> = ["ndcg@10", "recall@20"]
        .iter()
        .filter_map(|&name| {
            let model = account.metrics.get(name)?;
            let popularity = account.metrics.get(&format!("popularity_{name}"))?;
            Some(format!("{} {model:.3} (most popular {popularity:.3})", evaluation::title(name)))
        })
        .collect();
    if !metrics.is_empty() {
        lines.continued(metrics.join(", "));
    }
    if let Some(measurement) = &account.measurement {
        slices::write(lines, measurement, counts);
    }
    let rate = HumanCount(account.candidates_per_second as u64);
    // A list has no more entries than there are movies, whatever --depth is.
    let longest = HumanCount(counts.depth.min(counts.movies));
    lines.labeled("Scored", format!("{users} users, the best {longest} of each; {rate} candidates/s"));

    let peak = account.phases.values().map(|usage| usage.peak_rss_bytes).max().unwrap_or(0);
    let seconds: f64 = account.phases.values().map(|usage| usage.seconds).sum();
    let phases: Vec<_> =
        account.phases.iter().map(|(phase, usage)| format!("{phase} {:.2}", usage.seconds)).collect();
    lines.labeled("Took", format!("{seconds:.2} s ({}), at most {}", phases.join(", "), HumanBytes(peak)));
}

/// Returns what was cut and the command that runs on it. `options` are the options that the run has to repeat.
pub(crate) fn of_partition(
    partition: &Partition,
    settings: &PartitionSettings,
    options: &str,
    invocation: &Invocation,
) -> String {
    let mut lines = Lines::default();
    let Partition { n_users, rows } = partition;
    let PartitionSettings { ratings, n_shards, to, .. } = settings;
    write_rows(&mut lines, &ratings.display().to_string(), rows);
    if rows.rejected > 0 {
        lines.continued(format!("each with its line in rejects.csv in {to}"));
    }
    lines.labeled("Cut", format!("{} users into {n_shards} shards in {to}", HumanCount(*n_users as u64)));
    lines.blank();
    let run = invocation.pipeline([&"run", &"--ratings", to]);
    lines.line(format!("Run on them: {run}{options}"));
    lines.finish()
}

/// Writes how many rows of the ratings were kept, merged, rejected and denied.
fn write_rows(lines: &mut Lines, path: &str, rows: &Rows) {
    lines.labeled("Read", format!("{} rows of {path}", HumanCount(rows.read)));
    lines.count(rows.kept, "kept");
    if rows.without_timestamp > 0 {
        lines.continued(format!("{:12}   (of these, {})", "", without_time(rows)));
    }
    let by_time = if rows.merged > 0 { "  (of a movie rated twice, the later rating counts)" } else { "" };
    lines.count(rows.merged, format!("merged{by_time}"));
    lines.count(rows.rejected, "rejected");
    for (reason, count) in by_count(&rows.rejected_by_reason) {
        lines.count(count, format!("  {reason}"));
    }
    if !rows.also.is_empty() {
        let also: Vec<_> = by_count(&rows.also)
            .into_iter()
            .map(|(reason, count)| format!("{} {reason}", HumanCount(count)))
            .collect();
        lines.continued(format!("{:12}   (of these, too: {})", "", also.join(", ")));
    }
    write_rows_inside(lines, rows.with_rows_inside);
    if rows.denied > 0 {
        lines.count(rows.denied, "denied  (their user or movie is on the deny list)");
    }
}

/// Writes how many rows have lines in quotes that look like rows, if any do.
fn write_rows_inside(lines: &mut Lines, n: u64) {
    if n > 0 {
        let n = HumanCount(n);
        lines.continued(format!(
            "{:12}   (rows with quoted lines that look like rows: {n}; see that every quote is closed)",
            ""
        ));
    }
}

/// Returns how many kept ratings have no readable time, and what that means for them.
fn without_time(rows: &Rows) -> String {
    let n = HumanCount(rows.without_timestamp);
    let unreadable = match rows.unreadable_timestamps {
        0 => String::new(),
        n => format!("; the time of {} rows cannot be read", HumanCount(n)),
    };
    format!("{n} have no readable time and count as the oldest{unreadable}")
}

/// Returns reasons and their counts, the most frequent first, with spaces for underscores.
fn by_count(counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut reasons: Vec<_> = counts.iter().map(|(name, &count)| (name.replace('_', " "), count)).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

/// Returns what was generated and the command that runs on it.
pub(crate) fn of_sample(made: &sample::Summary, out: &Path, hints: &Hints) -> String {
    let mut lines = Lines::default();
    let [rows, ratings, movies] = [made.rows, made.ratings, made.movies_rated.into()].map(HumanCount);
    lines.labeled("Wrote", format!("{rows} rows with {ratings} ratings of {movies} movies"));
    for (kind, &count) in &made.dirty {
        lines.count(count, format!("  dirty: {}", kind.name().replace('_', " ")));
    }
    lines.continued(format!("{} in {}", HumanBytes(made.bytes), out.display()));
    lines.blank();
    let path = |name| out.join(name).display().to_string();
    let (ratings, movies) = (path("ratings.csv"), path("movies.csv"));
    let run = hints.command([&"run", &"--ratings", &ratings, &"--movies", &movies]);
    lines.line(format!("Run on it: {run}"));
    lines.finish()
}

#[cfg(test)]
mod tests;
