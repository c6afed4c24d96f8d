//! Half an epoch of implicit alternating least squares: all rows of one side are improved, given the other side (Hu,
//! Koren, Volinsky: "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008).
//!
//! A row is not solved but takes two steps of preconditioned conjugate gradients towards its solution, from
//! its value of the last epoch (Takács, Pilászy, Tikk: "Applications of the Conjugate Gradient Method for
//! Implicit Feedback Collaborative Filtering", RecSys 2011). Two steps are enough because of the basis: both
//! sides are first rotated to the principal axes of the other side, where the Gram matrix of all columns is a
//! diagonal.
//!
//! Rows are improved in parallel and written to places of their own. Only the Gram matrix sums over rows, in a fixed
//! order. So any number of threads gives the same bits.

mod factors;
mod axes;
mod panel;
mod row;
mod products;

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use axes::Axes;
pub(super) use factors::Factors;
use row::{RowSystem, Workspace};

/// A factor is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotFinite;

/// The model's view of a rating.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// The weight of its squared error.
    pub(super) weight: f32,
    /// The target of the dot product.
    pub(super) target: f32,
}

/// The half epoch of one side: its objective, given the other side. Its rows are the rows of `matrix`, the
/// rows of the other side are the columns.
pub(super) struct HalfEpoch<'a, O, R> {
    /// Ratings, this side by the other.
    pub(super) matrix: &'a Csr,
    /// Weight of the square of any dot product, rated or not: the product of a number for the row, 1 if `None`, ...
    pub(super) row_weights: Option<&'a [f32]>,
    /// ... and a number for the column, 1 if `None`.
    pub(super) column_weights: Option<&'a [f32]>,
    /// Observation of a rating, by row, column and stars.
    pub(super) observe: O,
    /// Regularization of a row; above zero.
    pub(super) ridge: R,
}

impl<O, R> HalfEpoch<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation + Sync,
    R: Fn(usize) -> f32 + Sync,
{
    /// Rotates both sides to the principal axes of `other`, and then takes the factors x of every row of
    /// `rows` two steps towards the minimum of
    ///
    /// ```text
    /// sum over its ratings of weight * (target - q . x)^2
    ///   + row_weight * sum over all columns of column_weight * (q . x)^2 + ridge * |x|^2
    /// ```
    ///
    /// with q the factors of a column, a row of `other`. A row without ratings becomes zero. The rotation is
    /// orthogonal: it changes the factors of `other`, but no dot product.
    ///
    /// Cost, with k = n_factors: 7 k multiplications a rating, in three passes over the row's q; k^2 a row
    /// and 3/2 k^2 a column for the axes, and some 10 k^3 in total.
    ///
    /// # Errors
    /// [`NotFinite`] if a factor of either side is not finite.
    pub(super) fn improve(&self, other: &mut Factors, rows: &mut Factors) -> Result<(), NotFinite> {
        let axes = Axes::of(other, self.column_weights)?;
        axes.rotate(other);
        axes.rotate(rows);
        let stride = rows.stride();
        rows.as_mut_slice().par_chunks_exact_mut(stride).enumerate().with_min_len(8).try_for_each_init(
            || Workspace::new(stride),
            |workspace, (index, x)| {
                let row =
                    RowSystem { half: self, index, other: other.as_slice(), gram_diagonal: axes.values() };
                Arch::new().dispatch(ImproveRow { row, x, workspace })
            },
        )
    }
}

/// Rotates a side to the principal axes of its rows, which have weights. Returns the diagonal of the side's Gram matrix in
/// these axes: n_factors numbers.
///
/// # Errors
/// [`NotFinite`] if a factor of the side is not finite.
pub(super) fn rotate_to_axes(side: &mut Factors, weights: &[f32]) -> Result<Vec<f32>, NotFinite> {
    let axes = Axes::of(side, Some(weights))?;
    axes.rotate(side);
    Ok(axes.values()[..side.n_factors()].to_vec())
}

/// Improves one row, with the vectors of the machine.
struct ImproveRow<'a, 'b, O, R> {
    row: RowSystem<'a, 'b, O, R>,
    x: &'a mut [f32],
    workspace: &'a mut Workspace,
}

impl<O, R> WithSimd for ImproveRow<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    type Output = Result<(), NotFinite>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { row, x, workspace } = self;
        row.improve(simd, x, workspace);
        if x.iter().all(|factor| factor.is_finite()) { Ok(()) } else { Err(NotFinite) }
    }
}

#[cfg(test)]
mod tests;
