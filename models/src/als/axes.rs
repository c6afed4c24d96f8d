//! The principal axes of a side: the basis in which its Gram matrix is a diagonal.

use nalgebra::DMatrix;
use pulp::{Arch, Simd, WithSimd};
use ranking::tile::{self, ROWS, lanes, width};
use rayon::prelude::*;

use super::products::gram;
use super::{Factors, NotFinite};

/// An orthonormal basis of the factors, and the diagonal of the side's Gram matrix in it.
pub(super) struct Axes {
    n_factors: usize,
    stride: usize,
    /// The axes as columns: n_factors x stride, row-major.
    vectors: Vec<f32>,
    /// The weighted sum of squares along each axis, padded with zeros to the stride.
    values: Vec<f32>,
}

impl Axes {
    /// The principal axes of a side whose rows have weights, 1 if `None`. Cost, with k = n_factors: n_rows * k^2 / 2
    /// multiplications, and some 10 k^3.
    ///
    /// # Errors
    /// [`NotFinite`] if a factor is not finite.
    pub(super) fn of(side: &Factors, weights: Option<&[f32]>) -> Result<Self, NotFinite> {
        let (k, stride) = (side.n_factors(), side.stride());
        let gram = gram(side.as_slice(), weights, stride);
        if !gram.iter().all(|product| product.is_finite()) {
            return Err(NotFinite);
        }
        let mut gram = DMatrix::from_fn(k, k, |i, j| gram[i.min(j) * stride + i.max(j)]);
        // The decomposition divides zero by zero if an axis is empty and a number beside it underflows. This lift of
        // the diagonal prevents empty axes, and is below the precision of the f32 factors.
        let lift = gram.amax() * 1e-12;
        gram.iter_mut().step_by(k + 1).for_each(|diagonal| *diagonal += lift);
        let decomposition = gram.symmetric_eigen();
        let mut vectors = vec![0.0; k * stride];
        for (row, line) in vectors.chunks_exact_mut(stride).enumerate() {
            for (axis, cell) in line[..k].iter_mut().enumerate() {
                *cell = decomposition.eigenvectors[(row, axis)] as f32;
            }
        }
        let mut values = vec![0.0; stride];
        for (value, &found) in values.iter_mut().zip(decomposition.eigenvalues.iter()) {
            // Rounding may leave the smallest values below zero, although they are sums of squares.
            *value = (found - lift).max(0.0) as f32;
        }
        Ok(Self { n_factors: k, stride, vectors, values })
    }

    /// The weighted sum of squares along each axis, padded with zeros to the stride.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Expresses factors in this basis. Cost: n_factors^2 multiplications a row.
    pub(super) fn rotate(&self, factors: &mut Factors) {
        factors.as_mut_slice().par_chunks_mut(ROWS * self.stride).with_min_len(8).for_each_init(
            || vec![0.0; self.n_factors * ROWS],
            |by_factor, rows| Arch::new().dispatch(Rotate { axes: self, rows, by_factor }),
        );
    }
}

/// Rotates up to [`ROWS`] rows.
struct Rotate<'a> {
    axes: &'a Axes,
    rows: &'a mut [f32],
    /// Scratch for the rows, factor by factor: n_factors x ROWS.
    by_factor: &'a mut [f32],
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { axes: Axes { stride, vectors, .. }, rows, by_factor } = self;
        for (place, row) in rows.chunks_exact(*stride).enumerate() {
            by_factor.chunks_exact_mut(ROWS).zip(row).for_each(|(line, &factor)| line[place] = factor);
        }
        for column in (0..*stride).step_by(width::<S>()) {
            let sums = tile::product(simd, by_factor, ROWS, &vectors[column..], *stride);
            for (row, sums) in rows.chunks_exact_mut(*stride).zip(&sums) {
                row[column..][..width::<S>()].copy_from_slice(lanes::<S>(sums));
            }
        }
    }
}
