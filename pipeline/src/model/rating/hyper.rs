//! The priors of factors, which are drawn as well: how large factors are is learnt, not set.
//!
//! Coordinates are independent. Each has a normal prior whose precision has a Gamma prior, and whose mean, where it
//! has one, a normal prior of that precision.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use rayon::prelude::*;

use super::rows::Rows;

/// The Gamma prior of a precision: its shape and rate. It says next to nothing; its rate keeps factors that
/// explain nothing from vanishing for good.
const SHAPE: f64 = 1.0;
const RATE: f64 = 0.1;
/// What the prior of a mean weighs, in rows.
const MEAN_WEIGHT: f64 = 1.0;
/// Rows whose sums are taken as one.
const BLOCK: usize = 4096;

/// By coordinate, the normal distribution that rows are drawn from before any rating is known.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub(super) mean: Vec<f32>,
    pub(super) precision: Vec<f32>,
}

/// Count, sum and sum of squares of the rows that count, by coordinate.
struct Moments {
    n: usize,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Prior {
    /// Where the chain starts. What fills rows up has precision 1 and mean 0, and so stays 0.
    pub(super) fn start(depth: usize, width: usize, precision: f32) -> Self {
        let precision = (0..width).map(|place| if place < depth { precision } else { 1.0 }).collect();
        Self { mean: vec![0.0; width], precision }
    }

    /// Draws precision and mean of each coordinate (the first `depth`) given the rows that `counts` takes:
    ///
    /// ```text
    /// precision ~ Gamma(SHAPE + n / 2, RATE + (S + w n / (w + n) m^2) / 2)
    /// mean      ~ Normal(n m / (w + n), 1 / ((w + n) precision))
    /// ```
    ///
    /// with m the mean of the n rows, S their squared distances from it and w the weight of the mean's prior.
    pub(super) fn draw(
        &mut self,
        depth: usize,
        rows: &Rows,
        counts: impl Fn(usize) -> bool + Sync,
        rng: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, sums, squares } = Moments::of(rows, counts);
        let n = n as f64;
        for place in 0..depth {
            let mean = sums[place] / n.max(1.0);
            let scatter = (squares[place] - n * mean * mean).max(0.0);
            let rate = RATE + (scatter + MEAN_WEIGHT * n / (MEAN_WEIGHT + n) * mean * mean) / 2.0;
            let precision = gamma(SHAPE + n / 2.0, rate, rng)?;
            let normal: f64 = StandardNormal.sample(rng);
            let weight = MEAN_WEIGHT + n;
            self.precision[place] = precision as f32;
            self.mean[place] = (n * mean / weight + normal / (weight * precision).sqrt()) as f32;
        }
        Some(())
    }

    /// Draws the precision of each coordinate given the rows that `counts` takes, the means being 0.
    pub(super) fn draw_precision(
        &mut self,
        depth: usize,
        rows: &Rows,
        counts: impl Fn(usize) -> bool + Sync,
        rng: &mut ChaCha8Rng,
    ) -> Option<()> {
        let Moments { n, squares, .. } = Moments::of(rows, counts);
        for (precision, square) in self.precision[..depth].iter_mut().zip(squares) {
            *precision = gamma(SHAPE + n as f64 / 2.0, RATE + square / 2.0, rng)? as f32;
        }
        Some(())
    }
}

/// A draw from the Gamma distribution of a shape and a rate; `None` where the rate is no number.
pub(super) fn gamma(shape: f64, rate: f64, rng: &mut ChaCha8Rng) -> Option<f64> {
    Gamma::new(shape, rate.recip())
        .ok()
        .map(|gamma| gamma.sample(rng))
        .filter(|draw| draw.is_finite() && *draw > 0.0)
}

impl Moments {
    /// Blocks of rows are added in their order, so that threads leave no trace.
    fn of(rows: &Rows, counts: impl Fn(usize) -> bool + Sync) -> Self {
        let width = rows.width();
        let numbered = rows.par_iter().enumerate();
        let blocks: Vec<Self> = numbered
            .fold_chunks(
                BLOCK,
                || Self { n: 0, sums: vec![0.0; width], squares: vec![0.0; width] },
                |mut block, (number, row)| {
                    if counts(number) {
                        block.n += 1;
                        for ((sum, square), &value) in block.sums.iter_mut().zip(&mut block.squares).zip(row)
                        {
                            *sum += f64::from(value);
                            *square += f64::from(value) * f64::from(value);
                        }
                    }
                    block
                },
            )
            .collect();
        let mut all = Self { n: 0, sums: vec![0.0; width], squares: vec![0.0; width] };
        for block in blocks {
            all.n += block.n;
            all.sums.iter_mut().zip(block.sums).for_each(|(sum, value)| *sum += value);
            all.squares.iter_mut().zip(block.squares).for_each(|(sum, value)| *sum += value);
        }
        all
    }
}
