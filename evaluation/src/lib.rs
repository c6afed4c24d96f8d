//! Measures a model on held-out ratings. Nothing here is published.
//!
//! Some ratings are held out (`split`, `data`) and a model is trained on the others. Predicted ratings are compared
//! with the held-out ones (`rating_metrics`), and the list of each user with the relevant held-out ratings
//! (`ranking_metrics`, `exposure`). `metric` names the metrics. The rules, of which `protocol` has those that a caller
//! may choose:
//!
//! - The candidates of a user are all movies without a training rating by the user. A relevant movie without any
//!   training rating stays relevant, so it counts as missed.
//! - The lists of the most rated movies are measured beside those of the model, by the same code.
//! - A user without training ratings gets the most rated movies, as from the server.

mod error;
mod data;
mod split;
mod protocol;
mod metric;
mod noise;
mod rating_metrics;
mod ranking_metrics;
mod exposure;
mod outcome;

use std::path::PathBuf;

use indicatif::ProgressBar;
use rayon::prelude::*;
use store::UserId;
use store::shards::shard_of;

use data::Data;
pub use error::{Error, Result};
pub use exposure::Concentration;
use interactions::Interactions;
use interactions::popularity;
pub use metric::{Metric, Metrics};
use models::{ItemModel, Model, TrainSettings};
pub use outcome::{Compared, Evaluation, Setup, Split, Users};
use progress::{Progress, Unit};
pub use protocol::{Cutoffs, Relevance};
use ranking_metrics::RankingEvaluator;
use scoring::{Scored, Scorer};

use split::Holdout;

/// The settings of an evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationSettings {
    /// The files of ratings, and the rule by which ratings are held out.
    pub held_out: HeldOut,
    /// The settings of training. The seed is also that of the first random split.
    pub training: TrainSettings,
    /// The share of users on whose ratings the item factors are trained, at most 1. The others are folded in.
    pub train_users: f64,
    /// The lengths at which lists are measured.
    pub cutoffs: Cutoffs,
    /// The rule by which a held-out rating is relevant.
    pub relevance: Relevance,
}

/// The files of ratings, and the rule by which ratings are held out.
#[derive(Debug, Clone)]
pub enum HeldOut {
    /// A share of a file.
    Share {
        /// The file.
        ratings: PathBuf,
        /// The order by which ratings are held out.
        by: By,
        /// The share of the ratings.
        test_fraction: f64,
        /// The number of random splits, by consecutive seeds.
        n_splits: u64,
    },
    /// All ratings of a second file.
    Files {
        /// The ratings to train on.
        train: PathBuf,
        /// The ratings held out.
        test: PathBuf,
    },
}

/// The order by which ratings are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// At random over all ratings, by a seed.
    Random,
    /// By time: the newest ratings of each user.
    Newest,
}

/// Measures a model on each split. Cost: reading the files, and for each split a training and the lists of all users.
/// Memory: the ratings three times, the factors, and the lists of some thousand users.
///
/// # Errors
/// [`Error::Setting`] for a setting that is out of range or leaves no training, test or relevant ratings;
/// [`Error::Holdout`] for two files that do not belong together; [`Error::Reading`] and [`Error::Training`].
pub fn evaluate(settings: &EvaluationSettings, progress: Progress) -> Result<Evaluation> {
    let &EvaluationSettings { ref held_out, ref training, train_users, ref cutoffs, ref relevance } =
        settings;
    training.check()?;
    if !(train_users > 0.0 && train_users <= 1.0) {
        return Err(Error::setting("--train-users", train_users, "it must be above 0 and at most 1"));
    }
    let (split, test_fraction, n_splits) = match held_out {
        HeldOut::Share { by: By::Random, test_fraction, n_splits, .. } => {
            ("random", Some(*test_fraction), *n_splits)
        }
        HeldOut::Share { by: By::Newest, n_splits: n_splits @ 2.., .. } => {
            let problem = "the newest ratings do not depend on a seed, so there is only one such split";
            return Err(Error::setting("--splits", n_splits, problem));
        }
        HeldOut::Share { by: By::Newest, test_fraction, n_splits, .. } => {
            ("newest", Some(*test_fraction), *n_splits)
        }
        HeldOut::Files { .. } => ("files", None, 1),
    };
    if n_splits == 0 {
        return Err(Error::setting("--splits", 0, "at least one split is needed"));
    }
    let data = Data::read(held_out, training.scale, progress)?;
    cutoffs.check(data.vocabulary.items().len())?;
    let sample = (train_users < 1.0).then(|| UserSample::new(data.vocabulary.users(), train_users));
    let measure = Measure { training, sample, relevance: *relevance, cutoffs, progress };
    let splits = (0..n_splits).map(|draw| {
        let seed = training.seed.wrapping_add(draw);
        let holdout = Holdout::of(&data.by_user, data.vocabulary.items().len(), &data.is_test(seed)?);
        let (figures, users) = measure.split(&holdout)?;
        let (n_train, n_test) = (holdout.train.by_user.n_cells() as u64, holdout.test.n_cells() as u64);
        Ok(Split { seed, figures, users, n_train, n_test })
    });
    let splits = splits.collect::<Result<Vec<_>>>()?;
    let setup = Setup {
        split,
        test_fraction,
        train_users: Some(train_users).filter(|share| *share < 1.0),
        k: cutoffs.clone(),
        relevant_at: *relevance,
        n_users: data.by_user.n_rows() as u64,
        n_items: data.vocabulary.items().len() as u64,
        rows: data.rows,
    };
    Ok(Evaluation::of(splits, setup))
}

/// Returns the length k at which the lists of a run are judged: min(100, `depth`, `n_candidates`).
#[must_use]
pub fn judged_length(depth: usize, n_candidates: usize) -> usize {
    depth.min(n_candidates).min(100)
}

/// Measures a model on one random split and returns the metrics that a run records: RMSE, MAE, recall@20, NDCG@10,
/// coverage@10 and NDCG at the [`judged_length`], with the errors of NDCG. Those of lists are also measured for the lists of the most rated
/// movies ([`Metric::popularity_key`]). A metric is left out if its cutoff exceeds `depth` or the number of movies, and
/// so are all metrics of lists if no held-out rating is relevant. Cost: a training and the lists of all users.
///
/// # Errors
/// [`Error::Setting`] if the fraction leaves no training or no test ratings; [`Error::Training`].
pub fn measure_run(
    interactions: &Interactions,
    test_fraction: f64,
    training: &TrainSettings,
    depth: usize,
    progress: Progress,
) -> Result<Metrics> {
    let (by_user, n_items) = (&interactions.by_user, interactions.n_items());
    let holdout =
        Holdout::of(by_user, n_items, &split::random(by_user.n_cells(), test_fraction, training.seed)?);
    let relevance = Relevance::default();
    let judged = judged_length(depth, n_items);
    let mut cutoffs = Cutoffs::new(&[10, 20, judged])?.up_to(judged);
    if !holdout.test.cells().any(|cell| relevance.accepts(cell.2)) {
        tracing::warn!("no held-out rating has {relevance} stars or more: lists are not measured");
        cutoffs = cutoffs.up_to(0);
    }
    let measure = Measure { training, sample: None, relevance, cutoffs: &cutoffs, progress };
    let (Compared { model, popularity }, _) = measure.split(&holdout)?;
    let recorded = [
        Metric::Ndcg(10),
        Metric::Ndcg(judged),
        Metric::Recall(20),
        Metric::Coverage(10),
        Metric::Rmse,
        Metric::Mae,
    ];
    let recorded = recorded.into_iter().flat_map(|metric| {
        let of_model = metric.of(&model).map(|value| (metric.key(), value));
        let of_popularity = metric.of(&popularity).map(|value| (metric.popularity_key(), value));
        let errors = [metric.error_key(), metric.lift_error_key()]
            .map(|key| model.get(&key).map(|&error| (key, error)));
        [of_model, of_popularity].into_iter().chain(errors).flatten()
    });
    Ok(recorded.collect())
}

/// A sample of the users: those that `run --train-shards` trains on where the shards are the same share of all.
#[derive(Debug, Clone, Copy)]
struct UserSample<'a> {
    /// The ids of the users of the matrix.
    users: &'a [UserId],
    /// The shards of the sample, counted from 0, of [`UserSample::SHARDS`].
    n_shards: u32,
}

impl<'a> UserSample<'a> {
    /// Fine shards of users, so that a number of them is any share. A shard of a coarser cut whose number is a power of
    /// two is a range of these.
    const SHARDS: u32 = 1 << 31;

    fn new(users: &'a [UserId], share: f64) -> Self {
        Self { users, n_shards: (share * f64::from(Self::SHARDS)).ceil() as u32 }
    }

    /// Whether the user of a row of the matrix is in the sample.
    fn contains(&self, row: usize) -> bool {
        shard_of(self.users[row], Self::SHARDS) < self.n_shards
    }
}

/// The settings by which a split is measured.
struct Measure<'a> {
    training: &'a TrainSettings,
    /// The users on whose ratings the item factors are trained; `None` for all.
    sample: Option<UserSample<'a>>,
    relevance: Relevance,
    /// The lengths of lists; without any, no lists are made.
    cutoffs: &'a Cutoffs,
    progress: Progress,
}

impl Measure<'_> {
    /// Trains on the training ratings and measures on the test ratings.
    fn split(&self, holdout: &Holdout) -> Result<(Compared, Users)> {
        let Holdout { train: interactions, test } = holdout;
        let (depth, seen) = (self.cutoffs.depth(), &interactions.by_user);
        // Before the training, which takes long: an error shows at once.
        let evaluator = match depth {
            0 => None,
            _ => Some(RankingEvaluator::new(test, interactions.n_items(), self.relevance, self.cutoffs)?),
        };
        let bar = self.progress.bar("evaluating", Unit::Count);
        let model = self.train(interactions, &bar)?;
        bar.finish_and_clear();
        let stars = rating_metrics::of_predictions(test, self.training.scale, |user, item| {
            model.rating.predict(user, item)
        });
        let mut figures = Compared { model: stars, ..Compared::default() };
        let Some(evaluator) = evaluator else { return Ok((figures, Users::default())) };

        let bar = self.progress.bar("measuring", Unit::Count);
        bar.set_length(2 * interactions.n_users() as u64);
        let most_rated = popularity::by_raters(&interactions.by_item);
        let popular = |user| popularity::unseen(&most_rated, seen.columns(user), depth);
        let scorer = Scorer::new(&model.ranking, seen, depth);
        let of_model = evaluator.measure(|users| {
            let scored = scorer.top_n(users.clone());
            bar.inc(users.len() as u64);
            let list = |(user, scored): (usize, &Vec<Scored>)| match seen.columns(user) {
                [] => popular(user),
                _ => scored.iter().map(|scored| scored.item).collect(),
            };
            users.into_par_iter().zip(&scored).map(list).collect()
        });
        let of_popularity = evaluator.measure(|users| {
            bar.inc(users.len() as u64);
            users.into_par_iter().map(popular).collect()
        });
        let errors = of_model.errors(&of_popularity);
        figures.model.extend(of_model.metrics.into_iter().chain(errors));
        figures.popularity = of_popularity.metrics;
        bar.finish_and_clear();
        Ok((figures, evaluator.users()))
    }

    /// Trains a model of all users: on all of them, or on the sample with the others folded in.
    fn train(&self, interactions: &Interactions, bar: &ProgressBar) -> Result<Model> {
        let Some(sample) = self.sample else {
            return Ok(Model::train(interactions, self.training, bar)?);
        };
        let is_trained = |row: usize| sample.contains(row);
        let trained = interactions.by_user.rows(is_trained);
        let trained = Interactions::from_users(trained, interactions.n_items());
        let (items, course) = ItemModel::train(&trained, self.training, bar)?;
        Ok(items.with_users(&interactions.by_user, is_trained, course)?)
    }
}

#[cfg(test)]
mod tests;
