//! The rating model: Bayesian matrix factorization with the implicit feedback of both sides, trained by Gibbs
//! sampling.
//!
//! Input: the ratings, by user and by item. Output: [`RatingItems`], from which users are folded in. A rating
//! in stars is modeled as
//!
//! ```text
//! r(u, i) = global_mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i] + error of u
//! ```
//!
//! A user's row (bias and factors) is the sum of an own part and an implicit part: the implicit factors of
//! all movies that the user has rated, divided by the square root of their number. An item's row likewise. A
//! sweep draws the users' side, then the items' side, then the precisions of the errors, each given all else.
//! The model is the mean of the sweeps.
//!
//! The rank is 1 + n_factors, the numbers of a row with its bias. `W` is the rank padded with zeros to 16, 32
//! or 64, so that rows are whole vectors. Ratings are standardized to mean 0 and deviation 1. "Side" is users
//! or items; the rows of a side have a column for each row of the other side. Precisions are diagonals.
//!
//! | symbol | in BPMF | name in code | shape | distribution before the data | drawn in |
//! |---|---|---|---|---|---|
//! | u, i = own part + Z y | U, V | `Side::rows` | n_rows x W | own part: Normal(m, 1 / L) | sweep.rs |
//! | y | | `Side::implicit_factors` | n_columns x W | Normal(0, 1 / M) | implicit.rs |
//! | m | mu | `Side::prior.mean` | W | Normal(0, 1 / (1 L)) | prior.rs |
//! | L | Lambda | `Side::prior.precision` | W | Gamma(4, 0.1) | prior.rs |
//! | M | | `Side::implicit_prior.precision` | W | Gamma(4, 0.1) | prior.rs |
//! | alpha_u | alpha | `Noise::precision` | n_users | Gamma(24, rate) | noise.rs |
//! | rate | | `Noise::rate` | 1 | Gamma(1, 1) | noise.rs |
//! | Z | | `Side::weight` | n_rows x n_columns | 1 / sqrt(number of ratings) at a rating | constant |
//! | C | | `RowPosterior::covariance` | W x W a row | (L + sum of alpha x x^T)^-1 | computed |
//! | V | | `marginal_precision` | W x W a row | L - L C L | computed |
//!
//! Normal takes mean and variance, Gamma takes shape and rate. The constants are `SHAPE`, `RATE` and `MEAN_WEIGHT` in
//! prior.rs, which stand where BPMF has nu0, W0 and beta0, and `SHAPE` in noise.rs.
//!
//! The model follows BPMF (Salakhutdinov, Mnih: "Bayesian Probabilistic Matrix Factorization using Markov
//! Chain Monte Carlo", ICML 2008) in its likelihood, in priors that are drawn with the rows, and in Gibbs
//! sweeps over the two sides. It differs in these points:
//!
//! - m and L have independent Normal-Gamma priors for each coordinate, in place of one Normal-Wishart prior.
//! - Rows have biases and implicit parts (Koren, KDD 2008; Rendle, Zhang, Koren: "On the Difficulty of Evaluating
//!   Baselines", 2019), and each user has a precision alpha_u of its own in place of one alpha.
//! - Draws of alpha_u are clamped at `MAX_PRECISION`, and y is drawn by a few steps of an iterative solver.
//!   So these two are not exact Gibbs steps.
//! - Predictions are products of means within segments of the chain, not means of products (`posterior`). That is an
//!   approximation; it makes the model a plain factor model.

mod standardizer;
mod random;
mod rows;
mod prior;
mod noise;
mod side;
mod normal_equations;
mod implicit;
mod sweep;
mod item_contributions;
mod chain_segment;
mod posterior;
mod fold_in;
mod items;
mod model;

use indicatif::ProgressBar;
use interactions::{Csr, Interactions};

use super::{RatingSettings, training_curve};
use crate::error::{Error, Result};
pub use items::{RatingItems, SegmentTerms, StarTerms};
pub use model::RatingModel;
use noise::Noise;
use posterior::PosteriorSums;
use random::{SideName, Streams};
use rows::{Row, dot};
use side::{RowPosterior, Side};
use standardizer::Standardizer;
use sweep::GibbsStep;

/// One in so many sweeps is burn-in. These come first; no draw of them is kept.
const BURN_IN: usize = 8;

/// Trains the model. Appends the error of every sweep to `curve`, see
/// [`TrainingCurve`](super::TrainingCurve). The bias and factors of a user or an item without ratings are
/// zero.
///
/// Cost of a sweep: about 2 W^2 multiplications and 40 W additions a rating, and W^3 multiplications a user and an
/// item. Memory: W^2 numbers for each row of the larger side and again for each item; some 10 W for each row of
/// both sides; and the payload of each item, which is kept after training: 4 segments of (2 + 4 draws) x W numbers.
/// With the default of 15 factors W is 16, and the payload 384 numbers or 1.5 KB an item. 162,541 users take 0.3 GB
/// in training with 15 factors, 3 GB with 63.
///
/// # Errors
/// [`Error::SamplingDiverged`] if a number is not finite.
pub(super) fn fit(
    interactions: &Interactions,
    settings: &RatingSettings,
    seed: u64,
    bar: &ProgressBar,
    curve: &mut Vec<f64>,
) -> Result<RatingItems> {
    let n_sweeps = settings.n_sweeps_for(interactions);
    let rank = settings.n_factors + 1;
    let chain = Chain { interactions, rank, n_sweeps, seed, bar };
    match chain.rank {
        0..=16 => chain.run::<16>(curve),
        17..=32 => chain.run::<32>(curve),
        _ => chain.run::<64>(curve),
    }
}

/// A run of the sampler.
struct Chain<'a> {
    interactions: &'a Interactions,
    /// Numbers of a row: the bias and the factors.
    rank: usize,
    n_sweeps: usize,
    seed: u64,
    bar: &'a ProgressBar,
}

impl Chain<'_> {
    /// Runs the chain with rows of `W` numbers.
    fn run<const W: usize>(&self, curve: &mut Vec<f64>) -> Result<RatingItems> {
        let Self { interactions: Interactions { by_user, by_item }, rank, n_sweeps, seed, bar } = *self;
        let standardizer = Standardizer::of(by_user);
        let standardize = |stars| standardizer.standardize(stars);
        let mut users = Side::<W>::start(by_user, by_item, rank, &Streams::new(seed, 0, SideName::Users));
        let mut items = Side::<W>::start(by_item, by_user, rank, &Streams::new(seed, 0, SideName::Items));
        let mut noise = Noise::start(by_user.n_rows());
        let mut posteriors = vec![RowPosterior::ZERO; by_user.n_rows().max(by_item.n_rows())];
        let n_first = n_sweeps / BURN_IN;
        let mut sums = PosteriorSums::new(rank, by_item.n_rows(), n_sweeps - n_first);
        for sweep in 1..=n_sweeps {
            let diverged = |what| move || Error::SamplingDiverged { sweep, what };
            let precision = &noise.precision;
            let step = GibbsStep {
                other: &items.rows,
                standardize,
                precision: |user, _| precision[user],
                streams: &Streams::new(seed, sweep, SideName::Users),
            };
            step.draw(&mut users, &mut posteriors).ok_or_else(diverged("users' rating factors"))?;
            let step = GibbsStep {
                other: &users.rows,
                standardize,
                precision: |_, user| precision[user as usize],
                streams: &Streams::new(seed, sweep, SideName::Items),
            };
            step.draw(&mut items, &mut posteriors).ok_or_else(diverged("items' rating factors"))?;
            noise
                .draw(by_user, standardize, &users.rows, &items.rows, step.streams)
                .ok_or_else(diverged("the errors of ratings"))?;
            curve.push(standardizer.to_stars(error(by_user, standardize, &users.rows, &items.rows)));
            if sweep > n_first {
                sums.add_sweep(&users, &items, &noise, &posteriors, sweep - n_first - 1)
                    .ok_or_else(diverged("items' contributions to users' rating factors"))?;
            }
            bar.inc(1);
        }
        Ok(sums.into_items(&items, standardizer))
    }
}

/// The root mean square error of the drawn rows over a sample of the ratings, in standard deviations of the ratings.
fn error<const W: usize>(
    ratings: &Csr,
    standardize: impl Fn(f32) -> f32,
    users: &[Row<W>],
    items: &[Row<W>],
) -> f64 {
    training_curve::rms(ratings.every(training_curve::stride(ratings.n_cells())).map(
        |(user, item, stars)| {
            let mut regressors = users[user];
            let bias = std::mem::replace(&mut regressors[0], 1.0);
            standardize(stars) - bias - dot(&regressors, &items[item])
        },
    ))
}

#[cfg(test)]
mod tests;
