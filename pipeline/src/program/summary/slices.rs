//! The quality of lists by the number of the user's training ratings, and the users that were measured.

use evaluation::judged_length;
use indicatif::HumanCount;
use store::manifest::{ActivitySlice, Counts, MeasuredUsers, Measurement};

use super::lines::Lines;

/// Writes what a run measured: the relevant ratings, the number of users, and a line for each slice.
pub(super) fn write(lines: &mut Lines, measurement: &Measurement, counts: &Counts) {
    let relevant = relevant(measurement.relevant_at);
    lines.continued(format!("relevant are {relevant}: {}", users(&measurement.users)));
    let length = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let k = judged_length(length(counts.depth), length(counts.movies));
    for slice in &measurement.slices {
        let Some(metric) = slice.metrics.get(&format!("ndcg@{k}")) else { continue };
        let n = HumanCount(slice.users);
        lines.continued(format!(
            "NDCG@{k} {:.3} (most popular {:.3}) for {n} users trained on {slice}",
            metric.model, metric.popularity
        ));
    }
}

/// Names the relevant held-out ratings.
pub(super) fn relevant(least: Option<f32>) -> String {
    match least {
        Some(stars) => format!("held-out ratings of {stars} stars or more"),
        None => "all held-out ratings".to_owned(),
    }
}

/// Counts the users with and without a relevant rating, and those that cannot be measured.
pub(super) fn users(users: &MeasuredUsers) -> String {
    let [evaluated, without, unmeasured] =
        [users.evaluated, users.without_relevant, users.not_measurable].map(HumanCount);
    let mut text = format!("{evaluated} users have one, {without} do not");
    if users.not_measurable > 0 {
        text += &format!(", {unmeasured} have too few ratings to be measured");
    }
    text
}

/// Writes a table of the slices of an evaluation at one length of lists.
pub(super) fn write_table(lines: &mut Lines, slices: &[ActivitySlice], k: usize) {
    let mut row = |cells: [&str; 5]| {
        let [title, model, popular, error, users] = cells;
        lines.line(format!("{title:<19} {model:>17} {popular:>17} {error:>17} {users:>12}"));
    };
    row([&format!("NDCG@{k}"), "model", "most popular", "standard error", "users"]);
    for slice in slices {
        let Some(metric) = slice.metrics.get(&format!("ndcg@{k}")) else { continue };
        let error = metric.standard_error.map_or("-".to_owned(), |error| format!("{error:.4}"));
        let [model, popular] = [metric.model, metric.popularity].map(|figure| format!("{figure:.4}"));
        row([&slice.to_string(), &model, &popular, &error, &HumanCount(slice.users).to_string()]);
    }
}
