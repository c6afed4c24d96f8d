//! The measurement of one split: a model of the training ratings, its predicted stars and its lists.

use indicatif::ProgressBar;
use interactions::{Interactions, popularity};
use models::{ItemModel, Model, TrainSettings};
use progress::{Progress, Unit};
use rayon::prelude::*;
use scoring::{Scored, Scorer};
use store::UserId;
use store::manifest::{ActivitySlice, MeasuredUsers};
use store::shards::shard_of;

use super::cutoffs::Cutoffs;
use super::outcome::Compared;
use super::ranking_metrics::RankingEvaluator;
use super::relevance::Relevance;
use super::split::Holdout;
use super::{rating_metrics, slices};
use crate::error::Result;

/// The settings by which a split is measured.
pub(super) struct Measure<'a> {
    pub(super) training: &'a TrainSettings,
    /// The users on whose ratings the item factors are trained; `None` for all.
    pub(super) sample: Option<UserSample<'a>>,
    pub(super) relevance: Relevance,
    /// The lengths of lists; without any, no lists are made.
    pub(super) cutoffs: &'a Cutoffs,
    pub(super) progress: Progress,
}

/// The measurement of one split.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    /// The metrics of the model and of the lists of the most rated movies.
    pub(super) figures: Compared,
    /// The number of users.
    pub(super) users: MeasuredUsers,
    /// The quality of lists by the number of training ratings.
    pub(super) slices: Vec<ActivitySlice>,
}

impl Measure<'_> {
    /// Trains on the training ratings and measures on the test ratings.
    pub(super) fn split(&self, holdout: &Holdout) -> Result<Measured> {
        let Holdout { train: interactions, test } = holdout;
        let (depth, seen) = (self.cutoffs.depth(), &interactions.by_user);
        // Before the training, which takes long: an error shows at once.
        let evaluator = match depth {
            0 => None,
            _ => {
                let (test, n_items) = (holdout.measurable(), interactions.n_items());
                Some(RankingEvaluator::new(&test, n_items, self.relevance, self.cutoffs)?)
            }
        };
        let bar = self.progress.bar("evaluating", Unit::Count);
        let model = self.train(interactions, &bar)?;
        bar.finish_and_clear();
        let stars = rating_metrics::of_predictions(test, self.training.scale, |user, item| {
            model.rating.predict(user, item)
        });
        let mut figures = Compared { model: stars, ..Compared::default() };
        let Some(evaluator) = evaluator else { return Ok(Measured { figures, ..Measured::default() }) };

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
        bar.finish_and_clear();
        let evaluated = evaluator.users();
        let slices = slices::by_activity(seen, &evaluated, self.cutoffs, &of_model, &of_popularity);
        let (n_users, n_evaluated) = (interactions.n_users(), evaluated.len());
        let not_measurable = holdout.n_not_measurable();
        let users = MeasuredUsers {
            evaluated: n_evaluated as u64,
            without_relevant: (n_users - n_evaluated - not_measurable) as u64,
            not_measurable: not_measurable as u64,
        };
        let errors = of_model.errors(&of_popularity, self.cutoffs);
        figures.model.extend(of_model.metrics.into_iter().chain(errors));
        figures.popularity = of_popularity.metrics;
        Ok(Measured { figures, users, slices })
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

/// A sample of the users: those that `run --train-shards` trains on where the shards are the same share of all.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserSample<'a> {
    /// The ids of the users of the matrix.
    users: &'a [UserId],
    /// The shards of the sample, counted from 0, of [`UserSample::SHARDS`].
    n_shards: u32,
}

impl<'a> UserSample<'a> {
    /// Fine shards of users, so that a number of them is any share. A shard of a coarser cut whose number is a power of
    /// two is a range of these.
    const SHARDS: u32 = 1 << 31;

    pub(super) fn new(users: &'a [UserId], share: f64) -> Self {
        Self { users, n_shards: (share * f64::from(Self::SHARDS)).ceil() as u32 }
    }

    /// Whether the user of a row of the matrix is in the sample.
    pub(super) fn contains(&self, row: usize) -> bool {
        shard_of(self.users[row], Self::SHARDS) < self.n_shards
    }
}
