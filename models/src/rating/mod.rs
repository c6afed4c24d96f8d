//! The rating model: Bayesian matrix factorisation with the implicit feedback of both sides.
//!
//! A rating in stars is taken to be
//!
//! ```text
//! r(u, i) = mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i] + error of u
//! ```
//!
//! where a user's bias and factors are the sum of the user's own and, divided by the root of their number, of
//! implicit factors of all movies that the user has rated; and likewise an item's. All are normal, with means and
//! precisions that are drawn as well, and so is how far each user's ratings scatter: nothing is left to tune. Sweeps
//! of Gibbs sampling draw each in turn, given the others, and their means make the model, which predicts like any
//! factor model (Salakhutdinov, Mnih: "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte Carlo",
//! ICML 2008; Rendle, Zhang, Koren: "On the Difficulty of Evaluating Baselines", 2019).

mod random;
mod rows;
mod hyper;
mod noise;
mod side;
mod system;
mod implicit;
mod told;
mod stretch;
mod posterior;
mod form;
mod items;

use indicatif::ProgressBar;
use interactions::{Csr, Interactions};

use super::{RatingSettings, course};
use crate::error::{Error, Result};
pub use items::{RatingItems, SegmentTerms, StarTerms};
use noise::Noise;
use posterior::Sums;
use random::{Streams, Whose};
use rows::{Row, dot};
use side::{Given, Pending, Side};

/// One in so many sweeps, the first, only lead to where draws are taken from.
const BURN_IN: usize = 8;

/// A trained rating model.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingModel {
    /// Latent factors of each user and item.
    pub n_factors: usize,
    /// What a user of whom nothing is known would give to a movie that nobody has rated, in stars.
    pub global_mean: f32,
    /// By user, in stars.
    pub user_bias: Vec<f32>,
    /// By item, in stars.
    pub item_bias: Vec<f32>,
    /// n_users x n_factors, row-major.
    pub user_factors: Vec<f32>,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
}

impl RatingModel {
    /// The predicted rating in stars, not yet held to the scale. Cost: n_factors multiplications.
    #[must_use]
    pub fn predict(&self, user: usize, item: usize) -> f32 {
        let k = self.n_factors;
        let user_factors = &self.user_factors[user * k..][..k];
        let item_factors = &self.item_factors[item * k..][..k];
        predicted(
            self.global_mean,
            (self.user_bias[user], user_factors),
            (self.item_bias[item], item_factors),
        )
    }

    /// The rating of an item by a user of whom nothing is known.
    #[must_use]
    pub fn predict_for_unknown_user(&self, item: usize) -> f32 {
        self.global_mean + self.item_bias[item]
    }
}

/// The sum that predicts stars, of a user's and an item's bias and factors.
fn predicted(global_mean: f32, user: (f32, &[f32]), item: (f32, &[f32])) -> f32 {
    let interaction: f32 = user.1.iter().zip(item.1).map(|(p, q)| p * q).sum();
    global_mean + user.0 + item.0 + interaction
}

/// Learns the model. `course` gets the error of every sweep, see [`TrainingCurve`](super::TrainingCurve). Of a user or an item without
/// ratings, bias and factors are zero.
///
/// Cost of a sweep, with d factors and the bias: about 2 d^2 multiplications and 40 d additions a rating, and d^3
/// multiplications a user and an item. Memory: d^2 numbers for each row of the larger side and again for each item, some
/// 10 d for each row of both, and some 25 d for each item. Here d + 1 counts as 16, 32 or 64, so that 162,541 users take 0.3 GB with 15 factors, 3 GB with 63.
///
/// # Errors
/// [`Error::SamplingDiverged`] when numbers stop being numbers.
pub(super) fn fit(
    interactions: &Interactions,
    settings: &RatingSettings,
    seed: u64,
    bar: &ProgressBar,
    course: &mut Vec<f64>,
) -> Result<RatingItems> {
    let n_sweeps = settings.n_sweeps_for(interactions);
    let depth = settings.n_factors + 1;
    let chain = Chain { interactions, depth, n_sweeps, seed, bar };
    match chain.depth {
        0..=16 => chain.run::<16>(course),
        17..=32 => chain.run::<32>(course),
        _ => chain.run::<64>(course),
    }
}

/// A run of the sampler.
struct Chain<'a> {
    interactions: &'a Interactions,
    /// The bias and the factors of a row.
    depth: usize,
    n_sweeps: usize,
    seed: u64,
    bar: &'a ProgressBar,
}

impl Chain<'_> {
    /// Samples with rows of `W` numbers.
    fn run<const W: usize>(&self, course: &mut Vec<f64>) -> Result<RatingItems> {
        let Self { interactions: Interactions { by_user, by_item }, depth, n_sweeps, seed, bar } = *self;
        let level = Level::of(by_user);
        let of_stars = |stars| level.of_stars(stars);
        let mut users = Side::<W>::start(by_user, by_item, depth, &Streams::new(seed, 0, Whose::Users));
        let mut items = Side::<W>::start(by_item, by_user, depth, &Streams::new(seed, 0, Whose::Items));
        let mut noise = Noise::start(by_user.n_rows());
        let mut pending = vec![Pending::NOTHING; by_user.n_rows().max(by_item.n_rows())];
        let n_first = n_sweeps / BURN_IN;
        let mut sums = Sums::new(depth, by_item.n_rows(), n_sweeps - n_first);
        for sweep in 1..=n_sweeps {
            let diverged = |what| move || Error::SamplingDiverged { sweep, what };
            let precision = &noise.precision;
            let given = Given {
                other: &items.rows,
                level: of_stars,
                precision: |user, _| precision[user],
                streams: &Streams::new(seed, sweep, Whose::Users),
            };
            users.draw(&given, &mut pending).ok_or_else(diverged("users' rating factors"))?;
            let given = Given {
                other: &users.rows,
                level: of_stars,
                precision: |_, user| precision[user as usize],
                streams: &Streams::new(seed, sweep, Whose::Items),
            };
            items.draw(&given, &mut pending).ok_or_else(diverged("items' rating factors"))?;
            noise
                .draw(by_user, of_stars, &users.rows, &items.rows, given.streams)
                .ok_or_else(diverged("the errors of ratings"))?;
            course.push(level.in_stars(error(by_user, of_stars, &users.rows, &items.rows)));
            if sweep > n_first {
                sums.take(&users, &items, &noise, &pending, sweep - n_first - 1)
                    .ok_or_else(diverged("items' part of users' rating factors"))?;
            }
            bar.inc(1);
        }
        Ok(sums.model(&items, level))
    }
}

/// How far what was drawn is from ratings, over some of them and in their standard deviations.
fn error<const W: usize>(
    ratings: &Csr,
    level: impl Fn(f32) -> f32,
    users: &[Row<W>],
    items: &[Row<W>],
) -> f64 {
    course::rms(ratings.every(course::stride(ratings.n_cells())).map(|(user, item, stars)| {
        let mut regressors = users[user];
        let bias = std::mem::replace(&mut regressors[0], 1.0);
        level(stars) - bias - dot(&regressors, &items[item])
    }))
}

/// The mean and the standard deviation of the stars that were learnt from.
#[derive(Debug, Clone, Copy)]
struct Level {
    mean: f32,
    deviation: f32,
}

impl Level {
    /// That of all ratings.
    fn of(ratings: &Csr) -> Self {
        let n = ratings.n_cells().max(1) as f64;
        let mean = ratings.cells().map(|(_, _, stars)| f64::from(stars)).sum::<f64>() / n;
        let variance =
            ratings.cells().map(|(_, _, stars)| (f64::from(stars) - mean).powi(2)).sum::<f64>() / n;
        Self { mean: mean as f32, deviation: variance.sqrt() as f32 }
    }

    /// A rating in standard deviations above the mean.
    #[inline(always)]
    fn of_stars(self, stars: f32) -> f32 {
        (stars - self.mean) / self.deviation.max(f32::MIN_POSITIVE)
    }

    /// Standard deviations in stars.
    fn in_stars(self, deviations: f64) -> f64 {
        deviations * f64::from(self.deviation)
    }
}

#[cfg(test)]
mod tests;
