//! The factors of one side during training: rows padded with zeros to whole vectors.

use ranking::tile::machine_width;

/// Bytes of a cache line. The first row is aligned to it, because a vector that crosses two lines costs two loads.
const CACHE_LINE: usize = 64;

/// n_rows x n_factors, row-major with a stride.
pub(crate) struct Factors {
    n_factors: usize,
    stride: usize,
    n_rows: usize,
    /// Offset of the first row in `values`. The spare numbers after the last row may be as many as a row has.
    start: usize,
    values: Vec<f32>,
}

impl Factors {
    /// Factors that are all zero.
    pub(crate) fn zero(n_rows: usize, n_factors: usize) -> Self {
        let stride = n_factors.next_multiple_of(machine_width());
        let spare = CACHE_LINE / size_of::<f32>();
        let values = vec![0.0; n_rows * stride + spare];
        let start = values.as_ptr().align_offset(CACHE_LINE).min(spare);
        Self { n_factors, stride, n_rows, start, values }
    }

    /// Copies a row-major matrix without padding.
    pub(crate) fn from_dense(dense: &[f32], n_factors: usize) -> Self {
        let mut factors = Self::zero(dense.len() / n_factors, n_factors);
        let stride = factors.stride;
        for (row, dense) in factors.as_mut_slice().chunks_exact_mut(stride).zip(dense.chunks_exact(n_factors))
        {
            row[..n_factors].copy_from_slice(dense);
        }
        factors
    }

    /// Converts to a row-major matrix without padding, in the same memory.
    pub(crate) fn into_dense(self) -> Vec<f32> {
        let Self { n_factors, stride, n_rows, start, mut values } = self;
        for row in 0..n_rows {
            let from = start + row * stride;
            values.copy_within(from..from + n_factors, row * n_factors);
        }
        values.truncate(n_rows * n_factors);
        values
    }

    pub(super) fn n_factors(&self) -> usize {
        self.n_factors
    }

    /// Numbers from the start of a row to the start of the next: a multiple of a tile's width.
    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.values[self.start..][..self.n_rows * self.stride]
    }

    #[inline(always)]
    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.n_rows * self.stride]
    }
}
