//! How far a user's ratings scatter about what factors can say: some rate by the book, some by the day.
//!
//! A user's precision (one over the variance of the error) has a Gamma prior whose rate is learnt, so that users with
//! few ratings scatter as users do. What a rating teaches weighs by the precision of its user.

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::hyper::gamma;
use super::random::{Draw, Streams};
use super::rows::{Row, dot};
use super::side::MIN_ROWS;

/// The shape of users' precisions: the larger, the more they are held to be alike.
pub(super) const SHAPE: f64 = 24.0;
/// The greatest precision of a rating: an error of a hundredth of the ratings' standard deviation. Stars that factors
/// explain to the last bit, such as those that are all the same, would else raise it from sweep to sweep without end.
pub(super) const MOST_PRECISE: f64 = 1e4;

/// The precision of each user's ratings, and the rate of its prior.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    pub(super) precision: Vec<f32>,
    pub(super) rate: f64,
}

impl Noise {
    /// Where the chain starts: an error as large as the ratings' own scatter, which is 1.
    pub(super) fn start(n_users: usize) -> Self {
        Self { precision: vec![1.0; n_users], rate: SHAPE }
    }

    /// Draws, given all rows,
    ///
    /// ```text
    /// precision[u] ~ Gamma(SHAPE + n(u) / 2, rate + S(u) / 2)
    /// rate         ~ Gamma(1 + n_users SHAPE, 1 + sum of precisions)
    /// ```
    ///
    /// with S(u) the sum of the squared errors of a user's n(u) ratings. Cost: W multiplications a rating.
    pub(super) fn draw<const W: usize>(
        &mut self,
        ratings: &Csr,
        level: impl Fn(f32) -> f32 + Sync,
        users: &[Row<W>],
        items: &[Row<W>],
        streams: &Streams,
    ) -> Option<()> {
        let rate = self.rate;
        let precisions = self.precision.par_iter_mut().zip(users).enumerate().with_min_len(MIN_ROWS);
        precisions.try_for_each(|(user, (precision, row))| {
            let errors = Errors { ratings, user, row, items, level: &level };
            let shape = SHAPE + ratings.columns(user).len() as f64 / 2.0;
            let rate = rate + Arch::new().dispatch(errors) / 2.0;
            *precision = gamma(shape, rate, &mut streams.of(Draw::Noise, user))?.min(MOST_PRECISE) as f32;
            Some(())
        })?;
        let sum: f64 = self.precision.iter().copied().map(f64::from).sum();
        let n_users = self.precision.len();
        self.rate = gamma(1.0 + n_users as f64 * SHAPE, 1.0 + sum, &mut streams.of(Draw::Noise, n_users))?;
        Some(())
    }
}

/// The sum of a user's squared errors, with the vectors of the machine.
struct Errors<'a, const W: usize, L> {
    ratings: &'a Csr,
    user: usize,
    row: &'a Row<W>,
    items: &'a [Row<W>],
    level: &'a L,
}

impl<const W: usize, L: Fn(f32) -> f32> WithSimd for Errors<'_, W, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { ratings, user, row, items, level } = self;
        let (columns, stars) = ratings.row(user);
        let mut regressors = *row;
        let bias = std::mem::replace(&mut regressors[0], 1.0);
        let error =
            |(&column, &stars): (&u32, &f32)| level(stars) - bias - dot(&regressors, &items[column as usize]);
        columns.iter().zip(stars).map(|rating| f64::from(error(rating)).powi(2)).sum()
    }
}
