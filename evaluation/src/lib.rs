//! How good the model is on ratings that it has not seen. Nothing here is published.
//!
//! Some ratings are held out (`split`, `data`), a model is trained on the others, and both are compared:
//! predicted stars with given ones (`rating_metrics`), and each user's list with what of the held-out
//! ratings is relevant (`ranking_metrics`, `exposure`). The rules (`protocol` has those that a caller
//! may choose):
//!
//! - Candidates are all movies that the user has no training rating of, whether or not anybody else has. A
//!   relevant movie without any training rating stays relevant: it counts against whoever cannot know it.
//! - The lists of the most rated movies are measured beside the model's, by the same code.
//! - A user without training ratings is given the most rated movies, as the server does.

mod error;
mod data;
mod split;
mod protocol;
mod rating_metrics;
mod ranking_metrics;
mod exposure;
mod report;

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
use models::{ItemModel, Model, TrainSettings};
use progress::{Progress, Unit};
pub use protocol::{Cutoffs, Relevance};
use ranking_metrics::Judge;
pub use report::{Compared, Evaluation, Metrics, Setup, Split, Users};
use scoring::{Scored, Scorer};

use split::Holdout;

/// What an evaluation measures.
#[derive(Debug, Clone)]
pub struct EvaluationSettings {
    /// The ratings, and which of them are held out.
    pub held_out: HeldOut,
    /// How the model is trained. Its seed is that of the first random split, too.
    pub training: TrainSettings,
    /// The share of users that the items are trained on, up to 1. The others are formed of what was learnt.
    pub train_users: f64,
    /// At which lengths lists are measured.
    pub cutoffs: Cutoffs,
    /// Which held-out ratings are relevant.
    pub relevance: Relevance,
}

/// The ratings, and which of them are held out.
#[derive(Debug, Clone)]
pub enum HeldOut {
    /// A share of a file.
    Share {
        /// The file.
        ratings: PathBuf,
        /// What decides.
        by: By,
        /// The share.
        test_fraction: f64,
        /// How often to draw, by consecutive seeds.
        n_splits: u64,
    },
    /// All of a file.
    Files {
        /// The ratings to train on.
        train: PathBuf,
        /// The ratings held out.
        test: PathBuf,
    },
}

/// What decides which ratings are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A seed, over all ratings.
    Random,
    /// Time: of each user the newest.
    Newest,
}

/// Measures a model on each split. Cost: reading, and of each split a training and all users' lists. Memory:
/// the ratings three times, the factors, and the lists of some thousand users.
///
/// # Errors
/// [`Error::Setting`] for what is out of range or leaves nothing to train, to test or to find;
/// [`Error::Holdout`] for two files that do not go together; those of reading and of [`Model::train`].
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
            let problem = "which ratings are the newest depends on no seed, so there is one such split";
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
    cutoffs.check(data.n_items)?;
    let measure = Measure { training, train_users, relevance: *relevance, cutoffs, progress };
    let splits = (0..n_splits).map(|draw| {
        let seed = training.seed.wrapping_add(draw);
        let holdout = Holdout::of(&data.by_user, data.n_items, &data.is_test(seed)?);
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
        n_items: data.n_items as u64,
        rows: data.rows,
    };
    Ok(Evaluation::of(splits, setup))
}

/// The figures that a run keeps, beside the NDCG at [`judged_length`].
const IN_SHORT: [&str; 5] = ["rmse", "mae", "recall@20", "ndcg@10", "coverage@10"];

/// Returns the length k at which the lists of a run are judged: min(100, `depth`, `n_candidates`).
#[must_use]
pub fn judged_length(depth: usize, n_candidates: usize) -> usize {
    depth.min(n_candidates).min(100)
}

/// Measures a model on one random split: `rmse`, `mae`, `recall@20`, `ndcg@10`, `coverage@10` and `ndcg@k` at the
/// [`judged_length`] k. The figures of lists are also measured of the most rated movies, as `popularity_ndcg@10` and so
/// on. Figures of lists longer than `depth` or the number of items are left out. If no held-out rating is relevant, all
/// figures of lists are left out. Cost: a training and all users' lists.
///
/// # Errors
/// [`Error::Setting`] where the fraction leaves nothing to train or to test; those of [`Model::train`].
pub fn in_short(
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
    let measure = Measure { training, train_users: 1.0, relevance, cutoffs: &cutoffs, progress };
    let (Compared { mut model, popularity }, _) = measure.split(&holdout)?;
    let judged = format!("ndcg@{judged}");
    let is_kept = |name: &str| IN_SHORT.contains(&name) || name == judged;
    model.retain(|name, _| is_kept(name));
    let of_popularity = popularity.into_iter().filter(|(name, _)| is_kept(name));
    model.extend(of_popularity.map(|(name, figure)| (format!("popularity_{name}"), figure)));
    Ok(model)
}

/// Parts of the users by which a share of them is drawn.
const SHARES: u32 = 1 << 16;

/// How a split is measured.
struct Measure<'a> {
    training: &'a TrainSettings,
    train_users: f64,
    relevance: Relevance,
    /// Lists are made where there are any.
    cutoffs: &'a Cutoffs,
    progress: Progress,
}

impl Measure<'_> {
    /// Trains on one part and measures on the other.
    fn split(&self, holdout: &Holdout) -> Result<(Compared, Users)> {
        let Holdout { train: interactions, test } = holdout;
        let (depth, seen) = (self.cutoffs.depth(), &interactions.by_user);
        // Before the training: what cannot be measured should be known before the wait.
        let judge = match depth {
            0 => None,
            _ => Some(Judge::new(test, interactions.n_items(), self.relevance, self.cutoffs)?),
        };
        let bar = self.progress.bar("evaluating", Unit::Count);
        let model = self.train(interactions, &bar)?;
        bar.finish_and_clear();
        let stars = rating_metrics::of_predictions(test, self.training.scale, |user, item| {
            model.rating.predict(user, item)
        });
        let mut figures = Compared { model: stars, ..Compared::default() };
        let Some(judge) = judge else { return Ok((figures, Users::default())) };

        let bar = self.progress.bar("measuring", Unit::Count);
        bar.set_length(2 * interactions.n_users() as u64);
        let most_rated = popularity::by_raters(&interactions.by_item);
        let popular = |user| popularity::unseen(&most_rated, seen.columns(user), depth);
        let scorer = Scorer::new(&model.ranking, seen, depth);
        figures.model.extend(judge.measure(|users| {
            let scored = scorer.top_n(users.clone());
            bar.inc(users.len() as u64);
            let list = |(user, scored): (usize, &Vec<Scored>)| match seen.columns(user) {
                [] => popular(user),
                _ => scored.iter().map(|scored| scored.item).collect(),
            };
            users.into_par_iter().zip(&scored).map(list).collect()
        }));
        figures.popularity = judge.measure(|users| {
            bar.inc(users.len() as u64);
            users.into_par_iter().map(popular).collect()
        });
        bar.finish_and_clear();
        Ok((figures, judge.users()))
    }

    /// A model of all users, of whom some may have been trained on.
    fn train(&self, interactions: &Interactions, bar: &ProgressBar) -> Result<Model> {
        if self.train_users >= 1.0 {
            return Ok(Model::train(interactions, self.training, bar)?);
        }
        // By a hash, as shards are.
        let below = (self.train_users * f64::from(SHARES)).ceil() as u32;
        let is_trained = |user: usize| shard_of(UserId::new(user as u32), SHARES) < below;
        let sample = interactions.by_user.rows(is_trained);
        let sample = Interactions::from_users(sample, interactions.n_items());
        let (items, course) = ItemModel::train(&sample, self.training, bar)?;
        Ok(items.with_users(&interactions.by_user, is_trained, course)?)
    }
}

#[cfg(test)]
mod tests;
