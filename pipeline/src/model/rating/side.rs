//! One side of the model, users or items, and its part of a sweep: everything of this side is drawn while the
//! other is held.
//!
//! A draw from a normal distribution is made by solving a least-squares problem whose data have been perturbed: each
//! rating by an error of its own size, each prior mean by its spread (Papandreou, Yuille: "Gaussian Sampling by
//! Local Perturbations", NIPS 2010). So implicit factors, which all rows of a side share, are drawn by the same
//! equations as a row's own, with those integrated out.

use pulp::Arch;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::hyper::Prior;
use super::implicit;
use super::random::{Draw, Streams};
use super::rows::{Rows, add, invert, multiply};
use crate::interactions::Csr;

/// Rows that a thread takes at a time.
const MIN_ROWS: usize = 16;

/// A side. The first number of a row is its bias, the next are its factors.
#[derive(Debug, Clone)]
pub(super) struct Side<'a> {
    /// This side by the other.
    pub(super) ratings: &'a Csr,
    /// The other by this.
    pub(super) transposed: &'a Csr,
    /// Numbers in a row that mean something: the bias and the factors.
    pub(super) depth: usize,
    /// What a row's implicit factors are weighed by: one over the square root of its ratings.
    pub(super) weight: Vec<f32>,
    /// The rows as drawn, implicit factors included.
    pub(super) factors: Rows,
    /// Their means, given all else that was drawn. Averages of these settle faster than those of the draws.
    pub(super) expected: Rows,
    /// What the other side's implicit factors add up to, of each row.
    pub(super) implied: Rows,
    /// What a rating of a row of the other side says about whoever gave it, whatever its stars.
    pub(super) implicit_factors: Rows,
    pub(super) prior: Prior,
    pub(super) implicit_prior: Prior,
}

/// What a side is drawn by.
pub(super) struct Given<'a, L, P> {
    /// The other side's rows.
    pub(super) other: &'a Rows,
    /// A rating in standard deviations above the mean, by its stars.
    pub(super) level: L,
    /// How precise a rating is, by row and column.
    pub(super) precision: P,
    pub(super) streams: &'a Streams,
}

/// What rows are known by before their implicit factors are.
pub(super) struct Pending {
    /// The covariance of each row (depth x width), given the implicit factors.
    pub(super) covariances: Vec<f32>,
    /// How far ratings move a row from its prior, times the prior's precision: what it tells the implicit factors.
    pub(super) news: Rows,
}

impl<'a> Side<'a> {
    /// Where the chain starts: at small factors, never all alike.
    pub(super) fn start(ratings: &'a Csr, transposed: &'a Csr, depth: usize, streams: &Streams) -> Self {
        let n_rows = ratings.n_rows();
        let mut factors = Rows::zeros(n_rows, depth);
        factors.par_iter_mut().enumerate().for_each(|(number, row)| {
            let mut stream = streams.of(Draw::Start, number);
            row[1..depth].iter_mut().for_each(|factor| *factor = 0.1 * normal(&mut stream));
        });
        let width = factors.width();
        let weight = |row| match ratings.columns(row).len() {
            0 => 0.0,
            n => (n as f32).sqrt().recip(),
        };
        Self {
            ratings,
            transposed,
            depth,
            weight: (0..n_rows).map(weight).collect(),
            expected: factors.clone(),
            implied: Rows::zeros(n_rows, depth),
            implicit_factors: Rows::zeros(transposed.n_rows(), depth),
            factors,
            prior: Prior::start(depth, width, 10.0),
            implicit_prior: Prior::start(depth, width, 20.0),
        }
    }

    /// Draws implicit factors, rows and priors, in this order. Fails where numbers stop being numbers.
    ///
    /// Cost: depth^2 multiplications a rating, depth^3 a row, and [`implicit::draw`].
    pub(super) fn draw<L, P>(&mut self, given: &Given<'_, L, P>, pending: &mut Pending) -> Option<()>
    where
        L: Fn(f32) -> f32 + Sync,
        P: Fn(usize, u32) -> f32 + Sync,
    {
        self.draw_without_implicit(given, pending)?;
        implicit::draw(self, pending, given.streams)?;
        self.add_implied(pending);
        let mut stream = given.streams.of(Draw::Hyperparameters, 0);
        let mut own = self.factors.clone();
        own.add(-1.0, &self.implied);
        self.prior.draw(self.depth, &own, |row| self.weight[row] > 0.0, &mut stream)?;
        let is_rated = |row| !self.transposed.columns(row).is_empty();
        self.implicit_prior.draw_precision(self.depth, &self.implicit_factors, is_rated, &mut stream)
    }

    /// What rows would be if nothing were implied by whom or what they have rated: a ridge regression each.
    fn draw_without_implicit<L, P>(&mut self, given: &Given<'_, L, P>, pending: &mut Pending) -> Option<()>
    where
        L: Fn(f32) -> f32 + Sync,
        P: Fn(usize, u32) -> f32 + Sync,
    {
        let Self { ratings, depth, prior, .. } = self;
        let (depth, width, prior) = (*depth, self.factors.width(), &*prior);
        let drawn = self.factors.par_iter_mut().zip(self.expected.par_iter_mut());
        let known = pending.covariances.par_chunks_exact_mut(depth * width).zip(pending.news.par_iter_mut());
        drawn.zip(known).enumerate().with_min_len(MIN_ROWS).try_for_each_init(
            || Regression::new(width),
            |regression, (row, ((factors, expected), (covariance, news)))| {
                let (columns, stars) = ratings.row(row);
                if columns.is_empty() {
                    // Nothing depends on it.
                    factors.copy_from_slice(&prior.mean);
                    expected.copy_from_slice(&prior.mean);
                    return Some(());
                }
                let mut stream = given.streams.of(Draw::Factors, row);
                Arch::new().dispatch(|| {
                    regression.begin(covariance);
                    for (&column, &stars) in columns.iter().zip(stars) {
                        let precision = (given.precision)(row, column);
                        let other = given.other.row(column as usize);
                        regression.observe(covariance, other, (given.level)(stars), precision, &mut stream);
                    }
                    regression.solve(covariance, prior, depth, &mut stream, [factors, expected, news])
                })
            },
        )
    }

    /// Moves rows by what their implicit factors have turned out to add to their prior means.
    fn add_implied(&mut self, pending: &Pending) {
        let Self { depth, weight, implied, prior, .. } = self;
        let width = implied.width();
        let drawn = self.factors.par_iter_mut().zip(self.expected.par_iter_mut()).zip(implied.par_iter());
        let covariances = pending.covariances.par_chunks_exact(*depth * width);
        drawn.zip(covariances).zip(&*weight).with_min_len(MIN_ROWS).for_each_init(
            || vec![0.0; 2 * width],
            |scratch, ((rows, covariance), &weight)| {
                let ((factors, expected), implied) = rows;
                if weight == 0.0 {
                    return;
                }
                Arch::new().dispatch(|| {
                    let (pulled, moved) = scratch.split_at_mut(width);
                    for ((pulled, implied), precision) in pulled.iter_mut().zip(implied).zip(&prior.precision)
                    {
                        *pulled = implied * precision;
                    }
                    multiply(covariance, pulled, moved);
                    add(factors, 1.0, moved);
                    add(expected, 1.0, moved);
                });
            },
        );
    }
}

/// The regression of a row on the rows of those who rated it, or that it has rated.
struct Regression {
    /// What a rating is explained by: 1 for the row's bias, and the other's factors.
    regressors: Vec<f32>,
    /// What ratings say, and what they say with errors of their size.
    observed: Vec<f32>,
    perturbed: Vec<f32>,
    pivot_row: Vec<f32>,
}

impl Regression {
    fn new(width: usize) -> Self {
        let zeros = vec![0.0; width];
        Self {
            regressors: zeros.clone(),
            observed: zeros.clone(),
            perturbed: zeros.clone(),
            pivot_row: zeros,
        }
    }

    #[inline(always)]
    fn begin(&mut self, system: &mut [f32]) {
        system.fill(0.0);
        self.observed.fill(0.0);
        self.perturbed.fill(0.0);
    }

    /// Takes a rating, whose error is drawn from `stream`, into the system (depth x width).
    #[inline(always)]
    fn observe(
        &mut self,
        system: &mut [f32],
        other: &[f32],
        level: f32,
        precision: f32,
        stream: &mut ChaCha8Rng,
    ) {
        let Self { regressors, observed, perturbed, .. } = self;
        regressors.copy_from_slice(other);
        regressors[0] = 1.0;
        let target = precision * (level - other[0]);
        add(observed, target, regressors);
        add(perturbed, target + precision.sqrt() * normal(stream), regressors);
        for (line, &regressor) in system.chunks_exact_mut(regressors.len()).zip(&*regressors) {
            add(line, precision * regressor, regressors);
        }
    }

    /// Makes the system the row's covariance, and finds a draw of the row, its mean, and its news.
    #[inline(always)]
    fn solve(
        &mut self,
        system: &mut [f32],
        prior: &Prior,
        depth: usize,
        stream: &mut ChaCha8Rng,
        [drawn, mean, news]: [&mut [f32]; 3],
    ) -> Option<()> {
        let Self { regressors: start, observed, perturbed, pivot_row } = self;
        let width = start.len();
        start.copy_from_slice(&prior.mean);
        for place in 0..depth {
            let precision = prior.precision[place];
            system[place * width + place] += precision;
            start[place] += normal(stream) / precision.sqrt();
            observed[place] += precision * prior.mean[place];
            perturbed[place] += precision * start[place];
        }
        if !invert(system, width, pivot_row) {
            return None;
        }
        multiply(system, observed, mean);
        multiply(system, perturbed, drawn);
        for place in 0..depth {
            news[place] = prior.precision[place] * (drawn[place] - start[place]);
        }
        drawn.iter().sum::<f32>().is_finite().then_some(())
    }
}

impl Pending {
    /// Room for a side.
    pub(super) fn of(side: &Side<'_>) -> Self {
        let (n_rows, width) = (side.ratings.n_rows(), side.factors.width());
        Self { covariances: vec![0.0; n_rows * side.depth * width], news: Rows::zeros(n_rows, side.depth) }
    }
}

/// A number drawn from the standard normal distribution.
#[inline(always)]
pub(super) fn normal(stream: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(stream)
}
