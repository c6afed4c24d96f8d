//! The summary of `pipeline evaluate`: a table of the model beside the most popular movies.

use evaluation::{Evaluation, Metrics};
use indicatif::HumanCount;

use super::lines::Lines;
use super::slices;

/// The metrics of lists in the order of the table: the title, and the name in the JSON.
const LIST_METRICS: [(&str, &str); 7] = [
    ("Recall", "recall"),
    ("NDCG", "ndcg"),
    ("MAP", "map"),
    ("Hit rate", "hit_rate"),
    ("Coverage", "coverage"),
    ("Gini", "gini"),
    ("Top 1 % share", "top_1_percent_share"),
];

/// Returns what was read, what was held out, and every metric: with several splits, its mean and standard deviation.
pub(crate) fn of_evaluation(evaluation: &Evaluation) -> String {
    let mut lines = Lines::default();
    let setup = &evaluation.setup;
    for (path, rows) in &setup.rows {
        let [read, kept, merged, rejected] =
            [rows.read, rows.kept, rows.merged, rows.rejected].map(HumanCount);
        let counts = format!("{kept} kept, {merged} merged, {rejected} rejected");
        lines.labeled("Read", format!("{read} rows of {path}: {counts}"));
        if rows.without_timestamp > 0 {
            lines.continued(super::without_time(rows));
        }
    }
    if let Some(split) = evaluation.splits.first() {
        let how = match (setup.split, setup.test_fraction) {
            ("newest", Some(share)) => format!("the newest {share} of each user's"),
            (_, Some(share)) => format!("{share} of all, at random"),
            _ => "as the files say".to_owned(),
        };
        let (n_train, n_test) = (HumanCount(split.n_train), HumanCount(split.n_test));
        let (n_users, n_items) = (HumanCount(setup.n_users), HumanCount(setup.n_items));
        lines.labeled("Held out", format!("{n_test} ratings ({how}); trained on {n_train}"));
        lines.continued(format!("{n_users} users, {n_items} movies, seed {}", seeds(evaluation)));
        if split.n_drawn > 0 {
            let n_drawn = HumanCount(split.n_drawn);
            lines.continued(format!(
                "{n_drawn} of them drawn at random among ratings of the same user and time"
            ));
        }
        if let Some(share) = setup.train_users {
            lines.continued(format!("items trained on {share} of the users; the other users folded in"));
        }
    }
    let relevant = slices::relevant(setup.relevant_at.least());
    let users = slices::users(&evaluation.users);
    let per_split = if evaluation.splits.len() > 1 { ", over all splits" } else { "" };
    lines.labeled("Relevant", format!("{relevant}: {users}{per_split}"));
    lines.blank();
    table(&mut lines, evaluation);
    let lengths: Vec<usize> = setup.k.iter().collect();
    if let (false, [first, ..]) = (evaluation.slices.is_empty(), &*lengths) {
        lines.blank();
        lines.line(
            "By the number of training ratings of the user; the standard error is that of the difference:",
        );
        slices::write_table(&mut lines, &evaluation.slices, *first);
        if let [_, .., last] = &*lengths {
            slices::write_table(&mut lines, &evaluation.slices, *last);
        }
    }
    lines.finish()
}

/// Writes one line for each metric.
fn table(lines: &mut Lines, evaluation: &Evaluation) {
    let mut row = |title: &str, model: &str, popular: &str| {
        lines.line(format!("{title:<19} {model:>17} {popular:>17}"));
    };
    row("", "model", "most popular");
    let (mean, spread) = (&evaluation.mean, evaluation.spread.as_ref());
    let mut metric = |title: &str, name: &str| {
        let model = cell(&mean.model, spread.map(|spread| &spread.model), name);
        let popular = cell(&mean.popularity, spread.map(|spread| &spread.popularity), name);
        row(title, &model, &popular);
    };
    metric("RMSE", "rmse");
    metric("MAE", "mae");
    for (title, name) in LIST_METRICS {
        for k in evaluation.setup.k.iter() {
            metric(&format!("{title}@{k}"), &format!("{name}@{k}"));
        }
    }
}

/// Returns a metric, with its standard deviation if there are several splits.
fn cell(mean: &Metrics, spread: Option<&Metrics>, name: &str) -> String {
    match (mean.get(name), spread.and_then(|spread| spread.get(name))) {
        (Some(mean), Some(spread)) => format!("{mean:.4} ± {spread:.4}"),
        (Some(mean), None) => format!("{mean:.4}"),
        (None, _) => "-".to_owned(),
    }
}

/// Returns the seeds as a range.
fn seeds(evaluation: &Evaluation) -> String {
    match evaluation.splits.as_slice() {
        [first, .., last] => format!("{} to {}", first.seed, last.seed),
        splits => splits.iter().map(|split| split.seed.to_string()).collect(),
    }
}

/// Returns the title of a metric: `NDCG@10` for `ndcg@10`.
pub(super) fn title(name: &str) -> String {
    let (figure, k) = name.split_once('@').unwrap_or((name, ""));
    let title = LIST_METRICS.iter().find(|(_, name)| *name == figure).map_or(figure, |(title, _)| title);
    format!("{title}@{k}")
}
