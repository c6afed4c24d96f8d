//! The summaries of the commands on generations.

use indicatif::{HumanBytes, HumanCount};
use pipeline::generations::{Difference, Entry, MovieChange, Pruned, State};
use store::GenerationId;
use store::repository::Rollback;

use super::lines::{Lines, figure, or_dash};
use crate::program::invocation::Hints;

/// Returns a table of all generations.
pub(crate) fn of_generations(entries: &[Entry], hints: &Hints) -> String {
    if entries.is_empty() {
        let output = hints.output();
        let text = format!("No generation in {output}; make one with `{}`", hints.run_on_files());
        return printable::line(&text).into_owned();
    }
    let mut lines = Lines::default();
    let mut row = |[id, state, age, size, users, rmse, ndcg, note]: [&str; 8]| {
        lines.line(format!("{id:20}  {state:12} {age:>7} {size:>10} {users:>9} {rmse:>8} {ndcg:>8}  {note}"));
    };
    row(["generation", "state", "age", "size", "users", "RMSE", "NDCG@10", ""]);
    for entry in entries {
        let metric = |name, decimals| figure(entry.metrics.get(name).copied(), decimals);
        row([
            entry.id.as_str(),
            &format!("{}{}", state(entry.state), if entry.pinned { " *" } else { "" }),
            &entry
                .dated_ahead_seconds
                .map_or_else(|| or_dash(entry.age_seconds.map(age)), |_| "ahead".to_owned()),
            &or_dash(entry.bytes.map(HumanBytes)),
            &or_dash(entry.users.map(HumanCount)),
            &metric("rmse", 4),
            &metric("ndcg@10", 3),
            entry.note.as_deref().unwrap_or_default(),
        ]);
    }
    if entries.iter().any(|entry| entry.pinned) {
        lines.line("* pinned: never removed");
    }
    if entries.iter().any(|entry| entry.dated_ahead_seconds.is_some()) {
        lines.line("ahead: dated after the time of this machine's clock");
    }
    lines.finish()
}

pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Published => "PUBLISHED",
        State::Ready => "ready",
        State::Withdrawn => "withdrawn",
        State::Refused => "refused",
        State::Incomplete => "incomplete",
        State::Unreadable => "unreadable",
    }
}

/// Returns a time in the largest unit of which it has two or more.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(0)),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Returns the differences between two generations.
pub(crate) fn of_difference(difference: &Difference) -> String {
    let mut lines = Lines::default();
    let Difference { before, after, n, users_in_both, users_changed, mean_overlap, .. } = difference;
    lines.labeled("From", format!("{before} to {after}"));
    if difference.same_content {
        lines.continued("all records are the same");
    }
    let [both, gone, new] = [*users_in_both, difference.users_gone, difference.users_new].map(HumanCount);
    lines.labeled("Users", format!("{both} in both, {gone} gone, {new} new"));
    let changed = HumanCount(*users_changed);
    let percent = 100.0 * *users_changed as f64 / (*users_in_both).max(1) as f64;
    let overlap = format!("mean overlap@{n} {mean_overlap:.3}");
    lines.labeled("Lists", format!("{changed} changed in their first {n} ({percent:.1} %); {overlap}"));
    lines.list("In", difference.movies_in.iter().map(movie));
    lines.list("Out", difference.movies_out.iter().map(movie));
    let metrics = difference.metrics.iter().map(|(name, change)| {
        let (before, after) = (figure(change.before, 4), figure(change.after, 4));
        let by = match (change.before, change.after) {
            (Some(before), Some(after)) if before != 0.0 => {
                format!("{:+.1} %", 100.0 * (after / before - 1.0))
            }
            _ => String::new(),
        };
        format!("{name:24} {before:>8} -> {after:>8}  {by}")
    });
    lines.list("Metrics", metrics);
    lines.finish()
}

fn movie(movie: &MovieChange) -> String {
    let MovieChange { title, before, after, .. } = movie;
    format!("{title} ({} -> {} users)", HumanCount(*before), HumanCount(*after))
}

/// Returns which generation is published now and how to undo that.
pub(crate) fn of_rollback(done: &Rollback, hints: &Hints) -> String {
    let (mut lines, output) = (Lines::default(), hints.output());
    let Rollback { from, to, again } = done;
    let again = if *again { " again" } else { "" };
    match from {
        Some(from) if from == to => {
            lines.line(format!("{to} is published in {output} already; nothing was done"));
        }
        Some(from) => {
            lines.line(format!("Published {to} in {output}{again}, in place of {from}"));
            lines.labeled("Undo it:", hints.command([&"rollback", from]));
        }
        None => lines.line(format!("Published {to} in {output}{again}")),
    }
    lines.finish()
}

/// Returns why a rollback without an id found no generation, and which could be published by their ids.
pub(crate) fn of_no_rollback(entries: &[Entry], hints: &Hints) -> String {
    let output = hints.output();
    let mut text = format!(
        "no earlier generation in {output} passed its gate and was not withdrawn; \
         earlier is meant by the order of publishing, as far as it is known"
    );
    let others: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.state, State::Ready | State::Withdrawn | State::Refused))
        .collect();
    match others.first() {
        Some(first) => {
            let named: Vec<_> =
                others.iter().map(|entry| format!("{} ({})", entry.id, state(entry.state))).collect();
            let command = hints.command([&"rollback", &first.id]);
            text.push_str(&format!(
                "; by its id any of these can be published: {}; for example `{command}`",
                named.join(", ")
            ));
        }
        None => text.push_str("; no other generation is complete"),
    }
    text
}

/// Returns what was pinned and how to undo that.
pub(crate) fn of_pin(id: &GenerationId, hints: &Hints) -> String {
    let command = hints.command([&"unpin", id]);
    format!("Pinned {id}: it is kept until `{command}`")
}

/// Returns which generations were removed.
pub(crate) fn of_pruning(pruned: &Pruned, dry_run: bool) -> String {
    let verb = if dry_run { "Would remove" } else { "Removed" };
    let (n, bytes) = (pruned.removed.len(), HumanBytes(pruned.bytes));
    let leftovers = match pruned.leftovers {
        0 => String::new(),
        n => format!("; removed {n} leftovers of unfinished runs"),
    };
    let mut lines = Lines::default();
    lines.line(format!("{verb} {n} generations ({bytes}), kept {}{leftovers}", pruned.kept));
    for id in &pruned.removed {
        lines.line(format!("  {id}"));
    }
    lines.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> GenerationId {
        text.parse().unwrap()
    }

    #[test]
    fn an_age_has_a_unit_of_which_it_has_two_or_more() {
        assert_eq!(
            [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age).join(", "),
            "0 s, 119 s, 2 min, 119 min, 2 h, 47 h, 2 d"
        );
    }

    #[test]
    fn the_hints_of_rollback_pin_and_an_empty_list_repeat_the_repository() {
        let (old, new) = (id("20261124T023000.000Z"), id("20261125T023000.000Z"));
        let hints = Hints::installed();
        let done = |from: &GenerationId, to: &GenerationId, again| Rollback {
            from: Some(from.clone()),
            to: to.clone(),
            again,
        };
        let text = of_rollback(&done(&new, &old, true), &hints);
        assert!(text.contains("again, in place of"), "{text}");
        assert!(!of_rollback(&done(&new, &old, false), &hints).contains("again"));
        assert!(
            text.ends_with("\nUndo it:  pipeline rollback 20261125T023000.000Z --output 'my lists'"),
            "{text}"
        );
        let text = of_rollback(&done(&old, &old, true), &hints);
        assert!(text.ends_with("nothing was done") && !text.contains("pipeline"), "{text}");
        let text = of_pin(&old, &hints);
        assert!(text.contains("`pipeline unpin 20261124T023000.000Z --output 'my lists'`"), "{text}");
        let text = of_generations(&[], &hints);
        assert!(
            text.contains("`pipeline run --ratings RATINGS.csv --movies MOVIES.csv --output 'my lists'`"),
            "{text}"
        );
    }

    #[test]
    fn a_rollback_without_a_target_lists_the_generations_that_could_be_published() {
        let entry = |day: u32, state| Entry {
            id: id(&format!("202611{day:02}T023000.000Z")),
            state,
            pinned: false,
            note: None,
            created_at: None,
            age_seconds: None,
            dated_ahead_seconds: None,
            publications_ago: None,
            bytes: None,
            users: None,
            metrics: std::collections::BTreeMap::new(),
        };
        let hints = Hints::installed();
        let entries = [entry(28, State::Ready), entry(27, State::Incomplete), entry(24, State::Published)];
        let text = of_no_rollback(&entries, &hints);
        assert!(text.contains("no earlier generation in my lists"), "{text}");
        assert!(text.contains("20261128T023000.000Z (ready)") && !text.contains("20261127"), "{text}");
        assert!(text.ends_with("`pipeline rollback 20261128T023000.000Z --output 'my lists'`"), "{text}");
        let text = of_no_rollback(&entries[2..], &hints);
        assert!(text.ends_with("no other generation is complete"), "{text}");
    }
}
