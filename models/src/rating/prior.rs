//! The priors of rows, which are drawn as well: the size of factors is learned, not configured.
//!
//! Coordinates are independent. Each has a normal prior. Its precision has a Gamma prior; its mean, where it has one,
//! has a normal prior of that precision. BPMF has one Normal-Wishart prior over all coordinates instead.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use rayon::prelude::*;

use super::random::normal;
use super::rows::{BLOCK, Row};

/// Shape of the Gamma prior of a precision. It counts as much as a few rows, enough to keep few rows within reason.
const SHAPE: f64 = 4.0;
/// Rate of the Gamma prior of a precision. It keeps factors that explain nothing from vanishing for good.
const RATE: f64 = 0.1;
/// Weight of the prior of a mean, in rows.
const MEAN_WEIGHT: f64 = 1.0;

/// The normal distribution of a row before any rating is known, by coordinate.
#[derive(Debug, Clone)]
pub(super) struct Prior<const W: usize> {
    /// Coordinates in use, see [`rank`](super).
    rank: usize,
    pub(super) mean: Row<W>,
    pub(super) precision: Row<W>,
}

impl<const W: usize> Prior<W> {
    /// The start of the chain: means of 0 and one precision. Padding has mean 0 and precision 1, and so stays 0.
    pub(super) fn start(rank: usize, precision: f32) -> Self {
        let mut prior = Self { rank, mean: [0.0; W], precision: [1.0; W] };
        prior.precision[..rank].fill(precision);
        prior
    }

    /// Draws a row.
    #[inline(always)]
    pub(super) fn sample(&self, stream: &mut ChaCha8Rng) -> Row<W> {
        let mut row = self.mean;
        for (value, precision) in row[..self.rank].iter_mut().zip(&self.precision) {
            *value += normal(stream) / precision.sqrt();
        }
        row
    }

    /// Draws the precision and the mean of each coordinate, given the rows. `rows` returns `None` for a row without
    /// ratings, which does not count.
    ///
    /// ```text
    /// precision ~ Gamma(SHAPE + n / 2, RATE + (S + w n / (w + n) m^2) / 2)
    /// mean      ~ Normal(n m / (w + n), 1 / ((w + n) precision))
    /// ```
    ///
    /// with m the mean of the n rows that count, S their squared distances from it and w the weight of the mean's
    /// prior. Returns `None` if a rate is not a number.
    pub(super) fn draw(
        &mut self,
        n_rows: usize,
        rows: impl Fn(usize) -> Option<Row<W>> + Sync,
        stream: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, sums, squares } = Moments::of(n_rows, rows);
        let weight = MEAN_WEIGHT + n;
        for place in 0..self.rank {
            // The prior counts as rows at 0.
            let mean = sums[place] / weight;
            let scatter = (squares[place] - weight * mean * mean).max(0.0);
            let precision = gamma(SHAPE + n / 2.0, RATE + scatter / 2.0, stream)?;
            let normal: f64 = StandardNormal.sample(stream);
            self.precision[place] = precision as f32;
            self.mean[place] = (mean + normal / (weight * precision).sqrt()) as f32;
        }
        Some(())
    }

    /// Draws the precision of each coordinate as [`Self::draw`] does, with the mean fixed at 0.
    pub(super) fn draw_precision(
        &mut self,
        n_rows: usize,
        rows: impl Fn(usize) -> Option<Row<W>> + Sync,
        stream: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, squares, .. } = Moments::of(n_rows, rows);
        for (precision, square) in self.precision[..self.rank].iter_mut().zip(squares) {
            *precision = gamma(SHAPE + n / 2.0, RATE + square / 2.0, stream)? as f32;
        }
        Some(())
    }
}

/// Draws from the Gamma distribution of a shape and a rate. Returns `None` if the rate is not a positive number.
pub(super) fn gamma(shape: f64, rate: f64, stream: &mut ChaCha8Rng) -> Option<f64> {
    let draw = Gamma::new(shape, rate.recip()).ok()?.sample(stream);
    (draw > 0.0 && draw.is_finite()).then_some(draw)
}

/// The number of rows that count; by coordinate their sum and the sum of their squares.
struct Moments<const W: usize> {
    n: f64,
    sums: [f64; W],
    squares: [f64; W],
}

impl<const W: usize> Moments<W> {
    const ZERO: Self = Self { n: 0.0, sums: [0.0; W], squares: [0.0; W] };

    /// Sums blocks of rows in parallel and adds the blocks in their order: the same bits for any number of threads.
    fn of(n_rows: usize, rows: impl Fn(usize) -> Option<Row<W>> + Sync) -> Self {
        let block = |block: usize| {
            let mut moments = Self::ZERO;
            for row in (block * BLOCK..n_rows.min((block + 1) * BLOCK)).filter_map(&rows) {
                moments.n += 1.0;
                let sums = moments.sums.iter_mut().zip(&mut moments.squares);
                for ((sum, square), value) in sums.zip(row.map(f64::from)) {
                    *sum += value;
                    *square += value * value;
                }
            }
            moments
        };
        let blocks: Vec<_> = (0..n_rows.div_ceil(BLOCK)).into_par_iter().map(block).collect();
        blocks.iter().fold(Self::ZERO, |mut all, block| {
            all.n += block.n;
            for place in 0..W {
                all.sums[place] += block.sums[place];
                all.squares[place] += block.squares[place];
            }
            all
        })
    }
}
