//! Measures a model on held-out ratings. Nothing here is published.
//!
//! Some ratings are held out (`split`, `data`) and a model is trained on the others. Predicted ratings are compared
//! with the held-out ones (`rating_metrics`), and the list of each user with the relevant held-out ratings
//! (`ranking_metrics`, `exposure`), over all users and by their number of ratings (`slices`). `metric` names the metrics.
//! The rules, of which `cutoffs` and `relevance` have those that a caller may choose:
//!
//! - The candidates of a user are all movies without a training rating by the user. A relevant movie without any
//!   training rating stays relevant, so it counts as missed.
//! - The lists of the most rated movies are measured beside those of the model, by the same code.
//! - A measured user has at least one training rating, of which the list is made. A user with one rating is counted and
//!   not measured.

mod error;
mod data;
mod split;
mod cutoffs;
mod relevance;
mod metric;
mod noise;
mod rating_metrics;
mod ranking_metrics;
mod exposure;
mod slices;
mod measure;
mod outcome;
mod run;

use std::ops::Bound::{Excluded, Included};
use std::path::PathBuf;

use models::TrainSettings;
use progress::Progress;

pub use cutoffs::Cutoffs;
use data::Data;
pub use error::{Error, Result};
pub use exposure::Concentration;
use limits::Limits;
use measure::{Measure, Measured, UserSample};
pub use metric::{Metric, Metrics};
pub use outcome::{Compared, Evaluation, Setup, Split};
pub use relevance::{Relevance, RelevanceRule};
pub use run::{RunQuality, judged_length, measure_run};
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
    pub relevance: RelevanceRule,
}

impl EvaluationSettings {
    /// The limits of [`train_users`](Self::train_users).
    pub const TRAIN_USERS: Limits<f64> = Limits::between(Excluded(0.0), Included(1.0));
    /// The limits of the share of the ratings of [`HeldOut::Share`].
    pub const TEST_FRACTION: Limits<f64> = Limits::between(Excluded(0.0), Excluded(1.0));
    /// The limits of the number of random splits of [`HeldOut::Share`].
    pub const N_SPLITS: Limits<u64> = Limits::at_least(1);
}

/// The files of ratings, and the rule by which ratings are held out.
#[derive(Debug, Clone)]
pub enum HeldOut {
    /// A share of a file.
    Share {
        /// The file.
        ratings: PathBuf,
        /// The choice of the held-out ratings.
        by: SplitRule,
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

/// The choice of the held-out ratings. A user keeps at least one rating by either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitRule {
    /// At random over all ratings, by a seed.
    Random,
    /// By time: the newest ratings of each user, and at random among ratings of the same time.
    Newest,
}

/// The share of held-out ratings drawn among equal times from which on a split by time is hardly one.
const MANY_DRAWN: f64 = 0.1;

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
    EvaluationSettings::TRAIN_USERS.check("--train-users", train_users)?;
    let (split, test_fraction, n_splits) = match held_out {
        HeldOut::Share { by: SplitRule::Random, test_fraction, n_splits, .. } => {
            ("random", Some(*test_fraction), *n_splits)
        }
        HeldOut::Share { by: SplitRule::Newest, n_splits: n_splits @ 2.., .. } => {
            let problem = "a split by time does not depend on a seed, except among equal times; measure one";
            return Err(Error::setting("--splits", n_splits, problem));
        }
        HeldOut::Share { by: SplitRule::Newest, test_fraction, n_splits, .. } => {
            ("newest", Some(*test_fraction), *n_splits)
        }
        HeldOut::Files { .. } => ("files", None, 1),
    };
    EvaluationSettings::N_SPLITS.check("--splits", n_splits)?;
    let data = Data::read(held_out, training.scale, progress)?;
    cutoffs.check(data.vocabulary.items().len())?;
    let sample = (train_users < 1.0).then(|| UserSample::new(data.vocabulary.users(), train_users));
    let relevance = relevance.of(training.scale, &data.by_user);
    let measure = Measure { training, sample, relevance, cutoffs, progress };
    let splits = (0..n_splits).map(|draw| {
        let seed = training.seed.wrapping_add(draw);
        let (is_test, n_drawn) = data.hold_out(seed)?;
        let holdout = Holdout::of(&data.by_user, data.vocabulary.items().len(), &is_test);
        let (n_train, n_test) = (holdout.train.by_user.n_cells(), holdout.test.n_cells());
        if n_test == 0 {
            let problem = "every user has one rating, which cannot be held out";
            return Err(Error::setting("--test-fraction", test_fraction.unwrap_or_default(), problem));
        }
        let share_drawn = n_drawn as f64 / n_test as f64;
        if share_drawn > MANY_DRAWN {
            tracing::warn!(
                "{:.1} % of the held-out ratings were drawn at random among ratings of the same user and time; \
                 the split is by time for the others alone",
                100.0 * share_drawn
            );
        }
        let Measured { figures, users, slices } = measure.split(&holdout)?;
        let [n_train, n_test, n_drawn] = [n_train, n_test, n_drawn].map(|n| n as u64);
        Ok(Split { seed, figures, users, slices, n_train, n_test, n_drawn })
    });
    let splits = splits.collect::<Result<Vec<_>>>()?;
    let setup = Setup {
        split,
        test_fraction,
        train_users: Some(train_users).filter(|share| *share < 1.0),
        k: cutoffs.clone(),
        relevant_at: relevance,
        n_users: data.by_user.n_rows() as u64,
        n_items: data.vocabulary.items().len() as u64,
        rows: data.rows,
    };
    Ok(Evaluation::of(splits, setup))
}

#[cfg(test)]
mod tests;
