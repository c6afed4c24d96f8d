//! One half of an epoch of implicit alternating least squares: all rows of one side are improved while the other
//! side is held (Hu, Koren, Volinsky: "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008).
//!
//! A row is not solved but taken two steps towards its solution by preconditioned conjugate gradients, from where
//! the last epoch left it (Takács, Pilászy, Tikk: "Applications of the Conjugate Gradient Method for Implicit
//! Feedback Collaborative Filtering", RecSys 2011). What makes two steps enough is the basis: both sides are first
//! turned to the principal axes of the held side, where what all columns contribute is a diagonal.
//!
//! Rows are improved in parallel and written to places of their own; no sum crosses rows but those of the Gram
//! matrix, which are added in a fixed order. So any number of threads gives the same bits.

mod factors;
mod axes;
mod panel;
mod row;
mod products;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use axes::Axes;
pub(super) use factors::Factors;
use interactions::Csr;

use row::{Row, Workspace};

/// What a model makes of a rating.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// How much its error counts.
    pub(super) weight: f32,
    /// What the dot product should be.
    pub(super) target: f32,
}

/// A side to be improved, given the other.
pub(super) struct Side<'a, O, R> {
    /// This side by the other.
    pub(super) matrix: &'a Csr,
    /// How much the square of a dot product counts, rated or not: the product of a number for the row ...
    pub(super) row_weights: &'a [f32],
    /// ... and one for the column.
    pub(super) column_weights: &'a [f32],
    /// What a rating in stars means, by row and column.
    pub(super) observe: O,
    /// The pull towards zero of a row; above zero.
    pub(super) ridge: R,
}

impl<O, R> Side<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation + Sync,
    R: Fn(usize) -> f32 + Sync,
{
    /// Takes the factors x of every row two steps towards the minimum of
    ///
    /// ```text
    /// sum over its ratings of weight * (target - q . x)^2
    ///   + row_weight * sum over all columns of column_weight * (q . x)^2 + ridge * |x|^2
    /// ```
    ///
    /// q being the factors of a column. A row without ratings becomes zero. Both sides are turned by the same
    /// orthogonal matrix, which leaves their dot products what they were. Fails where a factor is not finite.
    ///
    /// Cost: 7 k multiplications a rating, in three passes over the row's q; k^2 a row and 3/2 k^2 a column for
    /// the axes, and some 10 k^3 at once.
    pub(super) fn improve(&self, held: &mut Factors, rows: &mut Factors) -> Result<(), ()> {
        let axes = Axes::of(held, self.column_weights).ok_or(())?;
        axes.turn(held);
        axes.turn(rows);
        let stride = rows.stride();
        rows.as_mut_slice().par_chunks_exact_mut(stride).enumerate().with_min_len(8).try_for_each_init(
            || Workspace::new(stride),
            |workspace, (number, x)| {
                let row = Row { side: self, number, held: held.as_slice(), shared: axes.values() };
                Arch::new().dispatch(ImproveRow { row, x, workspace })
            },
        )
    }
}

/// Turns a side to its principal axes, its rows counting as much as their weights say, and the other with it; returns the
/// side's weighted sums of squares along them, n_factors numbers. Fails where a factor is not finite.
pub(super) fn turn_to_axes(side: &mut Factors, other: &mut Factors, weights: &[f32]) -> Result<Vec<f32>, ()> {
    let axes = Axes::of(side, weights).ok_or(())?;
    axes.turn(side);
    axes.turn(other);
    Ok(axes.values()[..side.n_factors()].to_vec())
}

/// Improves one row, with the vectors of the machine.
struct ImproveRow<'a, 'b, O, R> {
    row: Row<'a, 'b, O, R>,
    x: &'a mut [f32],
    workspace: &'a mut Workspace,
}

impl<O, R> WithSimd for ImproveRow<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    type Output = Result<(), ()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { row, x, workspace } = self;
        row.improve(simd, x, workspace);
        if x.iter().all(|factor| factor.is_finite()) { Ok(()) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests;
