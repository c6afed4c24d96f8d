//! How far a user's ratings scatter about what factors can say: some rate by the book, some by the day.
//!
//! A user's precision (one over the variance of the error) has a Gamma prior whose rate is learnt, so that users with
//! few ratings scatter as users do. What a rating teaches weighs by the precision of its user.

use rayon::prelude::*;

use super::hyper::gamma;
use super::random::{Draw, Streams};
use super::rows::{Rows, dot};
use crate::interactions::Csr;

/// The shape of users' precisions: the larger, the more they are held to be alike.
const SHAPE: f64 = 4.0;

/// The precision of each user's ratings, and the rate of its prior.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    pub(super) precision: Vec<f32>,
    rate: f64,
}

impl Noise {
    /// Where the chain starts: an error as large as the ratings' own scatter, which is 1.
    pub(super) fn start(n_users: usize) -> Self {
        Self { precision: vec![1.0; n_users], rate: SHAPE }
    }

    /// Draws, given all factors,
    ///
    /// ```text
    /// precision[u] ~ Gamma(SHAPE + n(u) / 2, rate + S(u) / 2)
    /// rate         ~ Gamma(1 + n_users SHAPE, 1 + sum of precisions)
    /// ```
    ///
    /// with S(u) the sum of the squared errors of a user's n(u) ratings. Cost: n_factors multiplications a rating.
    pub(super) fn draw(
        &mut self,
        ratings: &Csr,
        level: impl Fn(f32) -> f32 + Sync,
        users: &Rows,
        items: &Rows,
        streams: &Streams,
    ) -> Option<()> {
        let rate = self.rate;
        self.precision.par_iter_mut().enumerate().with_min_len(16).try_for_each(|(user, precision)| {
            let (columns, stars) = ratings.row(user);
            let row = users.row(user);
            let squares = columns.iter().zip(stars).map(|(&item, &stars)| {
                let item = items.row(item as usize);
                // Both rows have a bias in front, where the product has no place.
                let predicted = dot(row, item) - row[0] * item[0] + row[0] + item[0];
                f64::from(level(stars) - predicted).powi(2)
            });
            let rate = rate + squares.sum::<f64>() / 2.0;
            let mut stream = streams.of(Draw::Noise, user);
            *precision = gamma(SHAPE + columns.len() as f64 / 2.0, rate, &mut stream)? as f32;
            Some(())
        })?;
        let sum: f64 = self.precision.iter().copied().map(f64::from).sum();
        let n_users = self.precision.len();
        self.rate = gamma(1.0 + n_users as f64 * SHAPE, 1.0 + sum, &mut streams.of(Draw::Noise, n_users))?;
        Some(())
    }
}
