//! The precision of each user's ratings: one over the variance of the error.
//!
//! It has a Gamma prior whose rate is drawn as well, so that the precision of a user with few ratings is near
//! that of all users. A rating counts by the precision of its user.

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::prior::gamma;
use super::random::{Draw, Streams};
use super::rows::{MIN_ROWS, Row, dot};

/// Shape of the prior of users' precisions: the larger, the more alike they are.
pub(super) const SHAPE: f64 = 24.0;
/// Greatest precision of a rating: an error of a hundredth of the ratings' standard deviation. Ratings that
/// factors explain to the last bit, such as equal ones, would raise it without end. Clamping a draw makes
/// this step not exactly a Gibbs step.
pub(super) const MAX_PRECISION: f64 = 1e4;

/// The precision of each user's ratings, and the rate of its prior.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// Precision of each user's ratings.
    pub(super) precision: Vec<f32>,
    /// Rate of the Gamma prior of all precisions.
    pub(super) rate: f64,
}

impl Noise {
    /// The start of the chain: an error as large as the standard deviation of the ratings, which is 1.
    pub(super) fn start(n_users: usize) -> Self {
        Self { precision: vec![1.0; n_users], rate: SHAPE }
    }

    /// Draws the precisions and their rate, given all rows:
    ///
    /// ```text
    /// precision[u] ~ Gamma(SHAPE + n(u) / 2, rate + S(u) / 2)
    /// rate         ~ Gamma(1 + n_users SHAPE, 1 + sum of precisions)
    /// ```
    ///
    /// with S(u) the sum of the squared errors of a user's n(u) ratings. Returns `None` if a number is not
    /// finite. Cost: W multiplications a rating.
    pub(super) fn draw<const W: usize>(
        &mut self,
        ratings: &Csr,
        standardize: impl Fn(f32) -> f32 + Sync,
        users: &[Row<W>],
        items: &[Row<W>],
        streams: &Streams,
    ) -> Option<()> {
        let rate = self.rate;
        let precisions = self.precision.par_iter_mut().zip(users).enumerate().with_min_len(MIN_ROWS);
        precisions.try_for_each(|(user, (precision, row))| {
            let errors = SquaredErrors { ratings, user, row, items, standardize: &standardize };
            let shape = SHAPE + ratings.columns(user).len() as f64 / 2.0;
            let rate = rate + Arch::new().dispatch(errors) / 2.0;
            *precision = gamma(shape, rate, &mut streams.of(Draw::Noise, user))?.min(MAX_PRECISION) as f32;
            Some(())
        })?;
        let sum: f64 = self.precision.iter().copied().map(f64::from).sum();
        let n_users = self.precision.len();
        self.rate = gamma(1.0 + n_users as f64 * SHAPE, 1.0 + sum, &mut streams.of(Draw::Noise, n_users))?;
        Some(())
    }
}

/// The sum of a user's squared errors, with the vectors of the machine.
struct SquaredErrors<'a, const W: usize, Z> {
    ratings: &'a Csr,
    user: usize,
    row: &'a Row<W>,
    items: &'a [Row<W>],
    standardize: &'a Z,
}

impl<const W: usize, Z: Fn(f32) -> f32> WithSimd for SquaredErrors<'_, W, Z> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { ratings, user, row, items, standardize } = self;
        let (columns, stars) = ratings.row(user);
        let mut regressors = *row;
        let bias = std::mem::replace(&mut regressors[0], 1.0);
        let error = |(&column, &stars): (&u32, &f32)| {
            standardize(stars) - bias - dot(&regressors, &items[column as usize])
        };
        columns.iter().zip(stars).map(|rating| f64::from(error(rating)).powi(2)).sum()
    }
}
