//! The table of an evaluation: the model beside the most rated movies.

use std::fmt::{self, Write};

use evaluation::{Evaluation, Metrics, Relevance};
use indicatif::HumanCount;

/// The figures of lists as people and as programs call them, in the order of the table.
const OF_LISTS: [(&str, &str); 7] = [
    ("Recall", "recall"),
    ("NDCG", "ndcg"),
    ("MAP", "map"),
    ("Hit rate", "hit_rate"),
    ("Coverage", "coverage"),
    ("Gini", "gini"),
    ("Top 1 % share", "top_1_percent_share"),
];

/// What was read, what was held out, and every figure; where there are several splits, as mean and standard
/// deviation.
pub(crate) fn of_evaluation(evaluation: &Evaluation) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let setup = &evaluation.setup;
    for (path, rows) in &setup.rows {
        let [read, kept, merged, rejected] =
            [rows.read, rows.kept, rows.merged, rows.rejected].map(HumanCount);
        writeln!(text, "Read      {read} rows of {path}: {kept} kept, {merged} merged, {rejected} rejected")?;
    }
    if let Some(split) = evaluation.splits.first() {
        let how = match (setup.split, setup.test_fraction) {
            ("newest", Some(share)) => format!("the newest {share} of each user's"),
            (_, Some(share)) => format!("{share} of all, at random"),
            _ => "as the files say".to_owned(),
        };
        let (n_train, n_test) = (HumanCount(split.n_train), HumanCount(split.n_test));
        let (n_users, n_items) = (HumanCount(setup.n_users), HumanCount(setup.n_items));
        writeln!(text, "Held out  {n_test} ratings ({how}); trained on {n_train}")?;
        writeln!(text, "          {n_users} users, {n_items} movies, seed {}", seeds(evaluation))?;
        if let Some(share) = setup.train_users {
            writeln!(text, "          items of {share} of the users, of which the others were formed")?;
        }
    }
    let relevant = match setup.relevant_at {
        Relevance::AtLeast(stars) => format!("held-out ratings of {stars} stars or more"),
        Relevance::Any => "all held-out ratings".to_owned(),
    };
    let users = evaluation.users;
    let (evaluated, without) = (HumanCount(users.evaluated), HumanCount(users.without_relevant));
    let per_split = if evaluation.splits.len() > 1 { ", over all splits" } else { "" };
    writeln!(text, "Relevant  {relevant}: {evaluated} users have one, {without} do not{per_split}")?;
    writeln!(text)?;
    table(&mut text, evaluation)?;
    Ok(text.trim_end().to_owned())
}

/// One line a figure.
fn table(text: &mut String, evaluation: &Evaluation) -> fmt::Result {
    writeln!(text, "{:<19} {:>17} {:>17}", "", "model", "most popular")?;
    let spread = evaluation.spread.as_ref();
    let mut line = |title: &str, name: &str| {
        let mean = &evaluation.mean;
        let model = cell(&mean.model, spread.map(|spread| &spread.model), name);
        let popularity = cell(&mean.popularity, spread.map(|spread| &spread.popularity), name);
        writeln!(text, "{title:<19} {model:>17} {popularity:>17}")
    };
    line("RMSE", "rmse")?;
    line("MAE", "mae")?;
    for (title, name) in OF_LISTS {
        for k in evaluation.setup.k.iter() {
            line(&format!("{title}@{k}"), &format!("{name}@{k}"))?;
        }
    }
    Ok(())
}

/// A figure, with its spread where there is one.
fn cell(mean: &Metrics, spread: Option<&Metrics>, name: &str) -> String {
    match (mean.get(name), spread.and_then(|spread| spread.get(name))) {
        (Some(mean), Some(spread)) => format!("{mean:.4} ± {spread:.4}"),
        (Some(mean), None) => format!("{mean:.4}"),
        (None, _) => "-".to_owned(),
    }
}

/// The seeds as a range.
fn seeds(evaluation: &Evaluation) -> String {
    match evaluation.splits.as_slice() {
        [first, .., last] => format!("{} to {}", first.seed, last.seed),
        splits => splits.iter().map(|split| split.seed.to_string()).collect(),
    }
}

/// `ndcg@10` as people read it.
pub(super) fn title(name: &str) -> String {
    let (figure, k) = name.split_once('@').unwrap_or((name, ""));
    let title = OF_LISTS.iter().find(|(_, name)| *name == figure).map_or(figure, |(title, _)| title);
    format!("{title}@{k}")
}
