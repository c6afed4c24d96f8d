//! What a person reads at the end of a command.

mod evaluation;
mod gate;
mod generations;
mod verification;

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;

pub(crate) use evaluation::of_evaluation;
pub(crate) use generations::{of_difference, of_generations, of_pruning, of_rollback};
use indicatif::{HumanBytes, HumanCount};
use pipeline::run::{Outcome, Report};
use pipeline::shards::{Partition, PartitionSettings};
use store::Location;
use store::manifest::Rows;
pub(crate) use verification::of_verification;

/// The account of a run: what was read, how good the model is, what was published and how to serve it.
pub(crate) fn of_run(report: &Report, output: &Location) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let Report { outcome, manifest, rejects, page } = report;
    let id = &manifest.generation;
    match outcome {
        Outcome::Published | Outcome::Refused => {}
        Outcome::Unchanged => {
            writeln!(text, "Unchanged since {id} in {output}: same ratings, movies, settings and program")?;
            write!(text, "          nothing was done; `--always` runs all the same")?;
            return Ok(text);
        }
        Outcome::Withdrawn => {
            writeln!(
                text,
                "Unchanged since {id} in {output}, which was withdrawn and would only be made again;"
            )?;
            write!(
                text,
                "          nothing was done; `pipeline rollback {id}` publishes it, `--always` runs all the same"
            )?;
            return Ok(text);
        }
    }
    let account = &manifest.account;
    let (rows, counts) = (&account.rows, &account.counts);

    write_rows(&mut text, &account.source.ratings.path, rows)?;
    let movies = &account.movie_rows;
    writeln!(text, "          {:>12} movies described", HumanCount(movies.kept).to_string())?;
    for (reason, count) in by_number(&movies.rejected_by_reason) {
        writeln!(text, "          {:>12}   rejected: {reason}", HumanCount(count).to_string())?;
    }
    if movies.denied > 0 {
        writeln!(text, "          {:>12}   denied", HumanCount(movies.denied).to_string())?;
    }
    if rows.rejected + movies.rejected > 0 {
        writeln!(text, "          each with its line in {}", rejects.display())?;
    }

    let (users, items) = (HumanCount(counts.users), HumanCount(counts.movies));
    let trained = match (account.parameters.get("trained_shards"), manifest.n_shards) {
        (Some(n), Some(n_shards)) => format!("the users of {n} shards of {n_shards}"),
        _ => format!("{users} users"),
    };
    writeln!(text, "Trained   on {} ratings of {trained} and {items} movies", HumanCount(counts.ratings))?;
    if let (Some(rmse), Some(mae)) = (account.metrics.get("rmse"), account.metrics.get("mae")) {
        writeln!(text, "          RMSE {rmse:.4}, MAE {mae:.4} stars on held-out ratings")?;
    }
    let lists: Vec<_> = ["ndcg@10", "recall@20"]
        .iter()
        .filter_map(|&name| {
            let model = account.metrics.get(name)?;
            let popularity = account.metrics.get(&format!("popularity_{name}"))?;
            Some(format!("{} {model:.3} (most popular {popularity:.3})", evaluation::title(name)))
        })
        .collect();
    if !lists.is_empty() {
        writeln!(text, "          {}", lists.join(", "))?;
    }
    let candidates_per_second = HumanCount(account.candidates_per_second as u64);
    writeln!(
        text,
        "Scored    {users} users, the best {} of each; {candidates_per_second} candidates/s",
        counts.depth
    )?;

    let peak = account.phases.values().map(|usage| usage.peak_rss_bytes).max().unwrap_or(0);
    let seconds: f64 = account.phases.values().map(|usage| usage.seconds).sum();
    let phases: Vec<_> =
        account.phases.iter().map(|(phase, usage)| format!("{phase} {:.2}", usage.seconds)).collect();
    writeln!(text, "Took      {seconds:.2} s ({}), at most {}", phases.join(", "), HumanBytes(peak))?;
    gate::write(&mut text, &account.gate)?;
    if let Some(page) = page {
        writeln!(text, "Report    {}", page.display())?;
    }
    if *outcome == Outcome::Refused {
        writeln!(text, "Kept      {} in {output}; what was published stays", manifest.generation)?;
        writeln!(text)?;
        if let Some(before) = &account.gate.baseline {
            writeln!(text, "Look:     pipeline diff {before} {}", manifest.generation)?;
        }
        write!(text, "If it is as it should be: pipeline rollback {} publishes it", manifest.generation)?;
        return Ok(text);
    }
    writeln!(text, "Published {} in {output}", manifest.generation)?;
    writeln!(text)?;
    writeln!(text, "Serve it: cargo run --release -p server -- --store {output}")?;
    write!(text, "Then try: curl 'http://127.0.0.1:8080/recommendations?user_id=1&returnMetadata=true'")?;
    Ok(text)
}

/// What was cut, and what it is for.
pub(crate) fn of_partition(
    partition: &Partition,
    settings: &PartitionSettings,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let Partition { n_users, rows } = partition;
    let PartitionSettings { n_shards, to, .. } = settings;
    write_rows(&mut text, &settings.ratings.display().to_string(), rows)?;
    if rows.rejected > 0 {
        writeln!(text, "          each with its line in rejects.csv there")?;
    }
    writeln!(text, "Cut       {} users into {n_shards} shards in {to}", HumanCount(*n_users as u64))?;
    write!(text, "Run on them: pipeline run --ratings {to}")?;
    Ok(text)
}

/// What became of the rows of the ratings.
fn write_rows(text: &mut String, path: &str, rows: &Rows) -> fmt::Result {
    writeln!(text, "Read      {} rows of {}", HumanCount(rows.read), path)?;
    writeln!(text, "          {:>12} kept", HumanCount(rows.kept).to_string())?;
    let by_time = if rows.merged > 0 { "  (of a movie rated twice, the later rating counts)" } else { "" };
    writeln!(text, "          {:>12} merged{by_time}", HumanCount(rows.merged).to_string())?;
    writeln!(text, "          {:>12} rejected", HumanCount(rows.rejected).to_string())?;
    for (reason, count) in by_number(&rows.rejected_by_reason) {
        writeln!(text, "          {:>12}   {reason}", HumanCount(count).to_string())?;
    }
    if !rows.also.is_empty() {
        let also: Vec<_> = by_number(&rows.also)
            .into_iter()
            .map(|(reason, count)| format!("{} {reason}", HumanCount(count)))
            .collect();
        writeln!(text, "          {:>12}   (of these, too: {})", "", also.join(", "))?;
    }
    if rows.denied > 0 {
        let denied = HumanCount(rows.denied).to_string();
        writeln!(text, "          {denied:>12} denied  (their user or movie is on the deny list)")?;
    }
    Ok(())
}

/// The reasons as words, the most frequent first.
fn by_number(counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut reasons: Vec<_> = counts.iter().map(|(name, &count)| (name.replace('_', " "), count)).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

/// What was made, and what it is for.
pub(crate) fn of_sample(made: &sample::Summary, out: &Path) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let (ratings, rows) = (HumanCount(made.ratings), HumanCount(made.rows));
    writeln!(
        text,
        "Wrote     {rows} rows with {ratings} ratings of {} movies",
        HumanCount(made.movies_rated.into())
    )?;
    for (kind, &count) in &made.dirty {
        writeln!(
            text,
            "          {:>12}   dirty: {}",
            HumanCount(count).to_string(),
            kind.name().replace('_', " ")
        )?;
    }
    writeln!(text, "          {} in {}", HumanBytes(made.bytes), out.display())?;
    let (ratings, movies) = (out.join("ratings.csv"), out.join("movies.csv"));
    write!(text, "Run on it: pipeline run --ratings {} --movies {}", ratings.display(), movies.display())?;
    Ok(text)
}
