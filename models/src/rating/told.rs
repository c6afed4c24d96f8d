//! What movies tell the implicit factors of their users, so that these need no solving.
//!
//! A user's implicit factors, those that are added to the movies, are drawn for all users together (see `implicit`). But
//! where y solves these equations without their noise, it is the sum over a user's movies of
//!
//! ```text
//! told(i) = M^-1 weight (news - V Z y)
//! ```
//!
//! whatever user it is: a table of items says it for any. It must be of the solution. The mean of what draws tell will
//! not do, for M^-1 makes much of what little the draws of a stretch are off.

use rayon::prelude::*;

use super::rows::{Row, Square, dot, plus, product};
use super::side::{MIN_ROWS, Pending, Side};
use super::system::{System, Told};

/// Steps of the solver at most, and how small a residual needs no further one: less than where y is drawn, for what is
/// left of it counts M^-1 times.
const STEPS: usize = 64;
const TOLERANCE: f64 = 1e-3;

/// Sums over sweeps of what the equations of a side's implicit factors are made of.
pub(super) struct Equations<const W: usize> {
    /// By row the news and, in place of the covariance, V.
    rows: Vec<Pending<W>>,
    /// The precisions of the prior of rows ...
    own: Row<W>,
    /// ... and of that of implicit factors: M.
    implicit: Row<W>,
    n_sweeps: usize,
}

impl<const W: usize> Equations<W> {
    /// Of no sweep.
    pub(super) fn new(n_rows: usize) -> Self {
        Self { rows: vec![Pending::NOTHING; n_rows], own: [0.0; W], implicit: [0.0; W], n_sweeps: 0 }
    }

    /// Takes a sweep, of which `pending` is left. The news are those without perturbation: by what a row's own part is
    /// expected to be, and what was implied. Cost: 3 W^2 multiplications a row.
    pub(super) fn take(&mut self, side: &Side<'_, W>, pending: &[Pending<W>]) {
        let Side { drawn_from: prior, implicit_prior, weight, expected, implied, .. } = side;
        self.n_sweeps += 1;
        self.own = plus(self.own, 1.0, &prior.precision);
        self.implicit = plus(self.implicit, 1.0, &implicit_prior.precision);
        self.rows.par_iter_mut().zip(pending).enumerate().with_min_len(MIN_ROWS).for_each(
            |(row, (sum, pending))| {
                if weight[row] > 0.0 {
                    let said = said(&pending.covariance, &prior.precision);
                    let own = plus(plus(expected[row], -1.0, &implied[row]), -1.0, &prior.mean);
                    let explained: Row<W> = std::array::from_fn(|place| dot(&said[place], &implied[row]));
                    sum.news = plus(plus(sum.news, 1.0, &product(&prior.precision, &own)), 1.0, &explained);
                    for (sum, line) in sum.covariance.iter_mut().zip(&said) {
                        *sum = plus(*sum, 1.0, line);
                    }
                }
            },
        );
    }

    /// By row what it tells, of the mean of the equations; `None` where numbers stop being numbers.
    pub(super) fn told(mut self, side: &Side<'_, W>) -> Option<Vec<Row<W>>> {
        let share = [(self.n_sweeps as f32).recip(); W];
        let (own, implicit) = (product(&self.own, &share), product(&self.implicit, &share));
        self.rows.par_iter_mut().with_min_len(MIN_ROWS).for_each(|row| {
            row.news = product(&row.news, &share);
            let said = row.covariance.map(|line| product(&line, &share));
            row.covariance = covariance(&said, &own);
        });
        told(side, &self.rows, &own, &implicit)
    }
}

/// What each row tells the implicit factors without noise, of equations with these precisions of the priors: with y
/// their solution, `M^-1 weight (news - V Z y)`. Cost: as drawing them, but for more steps.
fn told<const W: usize>(
    side: &Side<'_, W>,
    pending: &[Pending<W>],
    own: &Row<W>,
    implicit: &Row<W>,
) -> Option<Vec<Row<W>>> {
    let mut y = side.implicit_factors.clone();
    let system = System { side, pending, own, implicit };
    let mut told = system.solve(&mut y, |_| [0.0; W], STEPS, TOLERANCE)?;
    // A row without ratings tells nothing.
    told.fill([0.0; W]);
    system.tell(&y, Told::NewsLess, &mut told);
    let variance = implicit.map(f32::recip);
    told.par_iter_mut().for_each(|told| *told = product(told, &variance));
    Some(told)
}

/// The precision of what a row says: V = L - L C L, with L the prior's precision and C the covariance.
#[inline(always)]
fn said<const W: usize>(covariance: &Square<W>, precision: &Row<W>) -> Square<W> {
    std::array::from_fn(|place| {
        let mut line = product(&product(&covariance[place], precision), &[-precision[place]; W]);
        line[place] += precision[place];
        line
    })
}

/// The covariance C of which that is said.
#[inline(always)]
fn covariance<const W: usize>(said: &Square<W>, precision: &Row<W>) -> Square<W> {
    let variance = precision.map(f32::recip);
    std::array::from_fn(|place| {
        let mut line = product(&product(&said[place], &variance), &[-variance[place]; W]);
        line[place] += variance[place];
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_one_covariance() {
        let precision: Row<16> = std::array::from_fn(|place| 2.0 + place as f32);
        let c: Square<16> = std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j { 0.03 } else { 0.001 * (i * j % 5) as f32 })
        });
        let found = covariance(&said(&c, &precision), &precision);
        for (found, expected) in found.as_flattened().iter().zip(c.as_flattened()) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
