//! The priors of rows, which are drawn as well: how large factors are is learnt, not set.
//!
//! Coordinates are independent. Each has a normal prior whose precision has a Gamma prior, and whose mean, where it
//! has one, a normal prior of that precision.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use rayon::prelude::*;

use super::random::normal;
use super::rows::{BLOCK, Row};

/// The Gamma prior of a precision: its shape and rate. It weighs as much as a few rows, enough to keep few rows within
/// reason, and its rate keeps factors that explain nothing from vanishing for good.
const SHAPE: f64 = 4.0;
const RATE: f64 = 0.1;
/// What the prior of a mean weighs, in rows.
const MEAN_WEIGHT: f64 = 1.0;

/// By coordinate, the normal distribution that rows are drawn from before any rating is known.
#[derive(Debug, Clone)]
pub(super) struct Prior<const W: usize> {
    /// Coordinates that mean something: the bias and the factors.
    depth: usize,
    pub(super) mean: Row<W>,
    pub(super) precision: Row<W>,
}

impl<const W: usize> Prior<W> {
    /// Where the chain starts. What fills rows up has mean 0 and precision 1, and so stays 0.
    pub(super) fn start(depth: usize, precision: f32) -> Self {
        let mut prior = Self { depth, mean: [0.0; W], precision: [1.0; W] };
        prior.precision[..depth].fill(precision);
        prior
    }

    /// Draws a row.
    #[inline(always)]
    pub(super) fn sample(&self, stream: &mut ChaCha8Rng) -> Row<W> {
        let mut row = self.mean;
        for (value, precision) in row[..self.depth].iter_mut().zip(&self.precision) {
            *value += normal(stream) / precision.sqrt();
        }
        row
    }

    /// Draws precision and mean of each coordinate given those of `n_rows` rows that count:
    ///
    /// ```text
    /// precision ~ Gamma(SHAPE + n / 2, RATE + (S + w n / (w + n) m^2) / 2)
    /// mean      ~ Normal(n m / (w + n), 1 / ((w + n) precision))
    /// ```
    ///
    /// with m the mean of the n rows, S their squared distances from it and w the weight of the mean's prior.
    pub(super) fn draw(
        &mut self,
        n_rows: usize,
        rows: impl Fn(usize) -> Option<Row<W>> + Sync,
        stream: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, sums, squares } = Moments::of(n_rows, rows);
        let weight = MEAN_WEIGHT + n;
        for place in 0..self.depth {
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

    /// Draws the precision of each coordinate likewise, its mean being 0.
    pub(super) fn draw_precision(
        &mut self,
        n_rows: usize,
        rows: impl Fn(usize) -> Option<Row<W>> + Sync,
        stream: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, squares, .. } = Moments::of(n_rows, rows);
        for (precision, square) in self.precision[..self.depth].iter_mut().zip(squares) {
            *precision = gamma(SHAPE + n / 2.0, RATE + square / 2.0, stream)? as f32;
        }
        Some(())
    }
}

/// A draw from the Gamma distribution of a shape and a rate; `None` where the rate is no number.
pub(super) fn gamma(shape: f64, rate: f64, stream: &mut ChaCha8Rng) -> Option<f64> {
    let draw = Gamma::new(shape, rate.recip()).ok()?.sample(stream);
    (draw > 0.0 && draw.is_finite()).then_some(draw)
}

/// The number of rows that count, and by coordinate their sum and that of their squares.
struct Moments<const W: usize> {
    n: f64,
    sums: [f64; W],
    squares: [f64; W],
}

impl<const W: usize> Moments<W> {
    const NONE: Self = Self { n: 0.0, sums: [0.0; W], squares: [0.0; W] };

    /// Blocks of rows are added in their order, so that threads leave no trace.
    fn of(n_rows: usize, rows: impl Fn(usize) -> Option<Row<W>> + Sync) -> Self {
        let block = |block: usize| {
            let mut moments = Self::NONE;
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
        blocks.iter().fold(Self::NONE, |mut all, block| {
            all.n += block.n;
            for place in 0..W {
                all.sums[place] += block.sums[place];
                all.squares[place] += block.squares[place];
            }
            all
        })
    }
}
