//! Lists of generations and differences between them, for people.

use std::fmt::{self, Write};

use indicatif::{HumanBytes, HumanCount};
use pipeline::generations::{Difference, Entry, MovieChange, Pruned, State};
use store::{GenerationId, Location};

/// A table of all generations.
pub(crate) fn of_generations(entries: &[Entry], location: &Location) -> Result<String, fmt::Error> {
    let mut text = String::new();
    if entries.is_empty() {
        write!(text, "No generation in {location}; make one with `pipeline run`")?;
        return Ok(text);
    }
    writeln!(
        text,
        "{:20}  {:12} {:>7} {:>10} {:>9} {:>8} {:>8}",
        "generation", "state", "age", "size", "users", "RMSE", "NDCG@10"
    )?;
    for entry in entries {
        let figure = |name: &str, digits: usize| {
            entry.metrics.get(name).map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        let state = match (state(entry.state), entry.pinned) {
            (state, true) => format!("{state} *"),
            (state, false) => state.to_owned(),
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let line = format!(
            "{:20}  {:12} {:>7} {:>10} {:>9} {:>8} {:>8}  {}",
            entry.id,
            state,
            or_dash(entry.age_seconds.map(age)),
            or_dash(entry.bytes.map(|bytes| HumanBytes(bytes).to_string())),
            or_dash(entry.users.map(|users| HumanCount(users).to_string())),
            figure("rmse", 4),
            figure("ndcg@10", 3),
            entry.note.as_deref().unwrap_or_default()
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    if entries.iter().any(|entry| entry.pinned) {
        writeln!(text, "* pinned: never removed")?;
    }
    Ok(text.trim_end().to_owned())
}

fn state(state: State) -> &'static str {
    match state {
        State::Published => "PUBLISHED",
        State::Ready => "ready",
        State::Withdrawn => "withdrawn",
        State::Refused => "refused",
        State::Incomplete => "incomplete",
        State::Unreadable => "unreadable",
    }
}

/// A time in the largest unit that it has two of.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(0)),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What two generations differ in.
pub(crate) fn of_difference(difference: &Difference) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let Difference { before, after, n, users_in_both, users_changed, .. } = difference;
    writeln!(text, "From      {before} to {after}")?;
    if difference.same_content {
        writeln!(text, "          all records are the same")?;
    }
    writeln!(
        text,
        "Users     {} in both, {} gone, {} new",
        HumanCount(*users_in_both),
        HumanCount(difference.users_gone),
        HumanCount(difference.users_new)
    )?;
    writeln!(
        text,
        "Lists     {} changed in their first {n} ({:.1} %); mean overlap@{n} {:.3}",
        HumanCount(*users_changed),
        100.0 * *users_changed as f64 / (*users_in_both).max(1) as f64,
        difference.mean_overlap
    )?;
    movies(&mut text, "In", &difference.movies_in)?;
    movies(&mut text, "Out", &difference.movies_out)?;
    for (place, (name, change)) in difference.metrics.iter().enumerate() {
        let label = if place == 0 { "Metrics" } else { "" };
        let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{figure:.4}"));
        let by = match (change.before, change.after) {
            (Some(before), Some(after)) if before != 0.0 => {
                format!("{:+.1} %", 100.0 * (after / before - 1.0))
            }
            _ => String::new(),
        };
        let line =
            format!("{label:9} {name:24} {:>8} -> {:>8}  {by}", figure(change.before), figure(change.after));
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(text.trim_end().to_owned())
}

fn movies(text: &mut String, label: &str, movies: &[MovieChange]) -> fmt::Result {
    for (place, movie) in movies.iter().enumerate() {
        let label = if place == 0 { label } else { "" };
        let MovieChange { title, before, after, .. } = movie;
        writeln!(text, "{label:9} {title} ({} -> {} users)", HumanCount(*before), HumanCount(*after))?;
    }
    Ok(())
}

/// What is published now, and what was before.
pub(crate) fn of_rollback(from: Option<&GenerationId>, to: &GenerationId, location: &Location) -> String {
    match from {
        Some(from) if from == to => format!("{to} is published in {location} already; nothing was done"),
        Some(from) => {
            format!(
                "Published {to} in {location} again, in place of {from}\nUndo it:  pipeline rollback {from}"
            )
        }
        None => format!("Published {to} in {location}"),
    }
}

/// What was removed.
pub(crate) fn of_pruning(pruned: &Pruned, dry_run: bool) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let verb = if dry_run { "Would remove" } else { "Removed" };
    write!(
        text,
        "{verb} {} generations ({}), kept {}",
        pruned.removed.len(),
        HumanBytes(pruned.bytes),
        pruned.kept
    )?;
    if pruned.leftovers > 0 {
        write!(text, "; swept {} that were never finished", pruned.leftovers)?;
    }
    for id in &pruned.removed {
        write!(text, "\n  {id}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_a_unit_that_says_enough() {
        assert_eq!(
            [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age).join(", "),
            "0 s, 119 s, 2 min, 119 min, 2 h, 47 h, 2 d"
        );
    }
}
