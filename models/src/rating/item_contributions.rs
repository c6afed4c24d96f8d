//! The contribution of each item to the implicit factors of its users, so that folding in a user needs no solver.
//!
//! A user's implicit factors, which are added to movies, are drawn for all users together (see `implicit`).
//! Where y solves those equations without their noise, it is the sum over a user's movies of
//!
//! ```text
//! contribution(i) = M^-1 weight (rhs - V Z y)
//! ```
//!
//! for every user: one table of items serves them all. The y must be the solution. The mean of the draws of a
//! segment is not accurate enough, because M^-1 enlarges its small deviation.

use rayon::prelude::*;

use super::normal_equations::{NormalEquations, RowTerm};
use super::rows::{MIN_ROWS, Row, Square, dot, plus, product};
use super::side::{RowPosterior, Side};

/// Most steps of the solver.
const STEPS: usize = 64;
/// Size of a residual, relative to the first, that needs no further step. It is smaller than for a draw, because the
/// residual is multiplied by M^-1.
const TOLERANCE: f64 = 1e-3;

/// The equations of a side's implicit factors, averaged over sweeps.
pub(super) struct MeanEquations<const W: usize> {
    /// Sums by row: the right-hand side and, in place of the covariance, the marginal precision V.
    rows: Vec<RowPosterior<W>>,
    /// Sum of L, the precisions of the prior of rows.
    row_precision: Row<W>,
    /// Sum of M, the precisions of the prior of implicit factors.
    implicit_precision: Row<W>,
    n_sweeps: usize,
}

impl<const W: usize> MeanEquations<W> {
    /// Equations of no sweep yet.
    pub(super) fn new(n_rows: usize) -> Self {
        Self {
            rows: vec![RowPosterior::ZERO; n_rows],
            row_precision: [0.0; W],
            implicit_precision: [0.0; W],
            n_sweeps: 0,
        }
    }

    /// Adds a sweep; `posteriors` are those that the draw of the side has left. The right-hand sides are
    /// taken without perturbation: from the expected own part of a row and its implicit part. Cost: 3 W^2
    /// multiplications a row.
    pub(super) fn add_sweep(&mut self, side: &Side<'_, W>, posteriors: &[RowPosterior<W>]) {
        let Side { sampling_prior: prior, implicit_prior, weight, expected, implicit_part, .. } = side;
        self.n_sweeps += 1;
        self.row_precision = plus(self.row_precision, 1.0, &prior.precision);
        self.implicit_precision = plus(self.implicit_precision, 1.0, &implicit_prior.precision);
        self.rows.par_iter_mut().zip(posteriors).enumerate().with_min_len(MIN_ROWS).for_each(
            |(row, (sum, posterior))| {
                if weight[row] > 0.0 {
                    let v = marginal_precision(&posterior.covariance, &prior.precision);
                    let own = plus(plus(expected[row], -1.0, &implicit_part[row]), -1.0, &prior.mean);
                    let explained: Row<W> = std::array::from_fn(|place| dot(&v[place], &implicit_part[row]));
                    sum.rhs = plus(plus(sum.rhs, 1.0, &product(&prior.precision, &own)), 1.0, &explained);
                    for (sum, line) in sum.covariance.iter_mut().zip(&v) {
                        *sum = plus(*sum, 1.0, line);
                    }
                }
            },
        );
    }

    /// The contribution of each row, of the mean of the equations. Returns `None` if a number is not finite.
    pub(super) fn item_contributions(mut self, side: &Side<'_, W>) -> Option<Vec<Row<W>>> {
        let share = [(self.n_sweeps as f32).recip(); W];
        let row_precision = product(&self.row_precision, &share);
        let implicit_precision = product(&self.implicit_precision, &share);
        self.rows.par_iter_mut().with_min_len(MIN_ROWS).for_each(|row| {
            row.rhs = product(&row.rhs, &share);
            let v = row.covariance.map(|line| product(&line, &share));
            row.covariance = covariance(&v, &row_precision);
        });
        let equations = NormalEquations {
            side,
            posteriors: &self.rows,
            row_precision: &row_precision,
            implicit_precision: &implicit_precision,
        };
        equations.contributions()
    }
}

impl<const W: usize> NormalEquations<'_, '_, W> {
    /// `M^-1 weight (rhs - V Z y)` by row, with y the solution without noise. Returns `None` if a number is
    /// not finite. Cost: that of a draw, with more steps.
    fn contributions(&self) -> Option<Vec<Row<W>>> {
        let mut y = self.side.implicit_factors.clone();
        let mut contributions = self.solve(&mut y, |_| [0.0; W], STEPS, TOLERANCE)?;
        // A row without ratings contributes nothing.
        contributions.fill([0.0; W]);
        self.row_terms(&y, RowTerm::Residual, &mut contributions);
        let variance = self.implicit_precision.map(f32::recip);
        contributions.par_iter_mut().for_each(|row| *row = product(row, &variance));
        Some(contributions)
    }
}

/// The marginal precision of a row's data: V = L - L C L, with L the prior's precision and C the covariance.
#[inline(always)]
fn marginal_precision<const W: usize>(covariance: &Square<W>, precision: &Row<W>) -> Square<W> {
    std::array::from_fn(|place| {
        let mut line = product(&product(&covariance[place], precision), &[-precision[place]; W]);
        line[place] += precision[place];
        line
    })
}

/// The covariance C that has a marginal precision V: the inverse of [`marginal_precision`].
#[inline(always)]
fn covariance<const W: usize>(v: &Square<W>, precision: &Row<W>) -> Square<W> {
    let variance = precision.map(f32::recip);
    std::array::from_fn(|place| {
        let mut line = product(&product(&v[place], &variance), &[-variance[place]; W]);
        line[place] += variance[place];
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariance_inverts_marginal_precision() {
        let precision: Row<16> = std::array::from_fn(|place| 2.0 + place as f32);
        let c: Square<16> = std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j { 0.03 } else { 0.001 * (i * j % 5) as f32 })
        });
        let found = covariance(&marginal_precision(&c, &precision), &precision);
        for (found, expected) in found.as_flattened().iter().zip(c.as_flattened()) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
