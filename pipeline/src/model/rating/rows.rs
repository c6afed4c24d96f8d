//! Dense rows of small vectors, one for each user or item, and what is done to them.
//!
//! A row is filled with zeros up to a whole number of [`LANES`], so that the compiler makes vectors of every loop
//! over one. Products are rounded before they are added: the bits are the same on every instruction set.

use rayon::prelude::*;

/// Numbers that loops over a row take at a time.
const LANES: usize = 16;
/// Rows whose sum is taken as one: what fixes the order of summation, whatever the number of threads.
const BLOCK: usize = 4096;

/// n_rows x width, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Rows of zeros, with room for `depth` numbers each.
    pub(super) fn zeros(n_rows: usize, depth: usize) -> Self {
        let width = depth.next_multiple_of(LANES);
        Self { width, values: vec![0.0; n_rows * width] }
    }

    /// Numbers in a row, padding included.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..][..self.width]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.values.chunks_exact_mut(self.width)
    }

    pub(super) fn par_iter(&self) -> impl IndexedParallelIterator<Item = &[f32]> {
        self.values.par_chunks_exact(self.width)
    }

    pub(super) fn par_iter_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        self.values.par_chunks_exact_mut(self.width)
    }

    /// The sum of the products of all numbers with those of other rows of the same shape, in a fixed order.
    pub(super) fn dot(&self, other: &Self) -> f64 {
        let blocks =
            self.values.par_chunks(BLOCK * self.width).zip(other.values.par_chunks(BLOCK * self.width));
        let sums = blocks.map(|(a, b)| {
            a.chunks_exact(self.width)
                .zip(b.chunks_exact(self.width))
                .map(|(a, b)| f64::from(dot(a, b)))
                .sum()
        });
        sums.collect::<Vec<f64>>().iter().sum()
    }

    /// Adds to each number that of other rows of the same shape, times a factor.
    pub(super) fn add(&mut self, factor: f32, other: &Self) {
        self.par_iter_mut()
            .zip(other.par_iter())
            .with_min_len(256)
            .for_each(|(row, other)| add(row, factor, other));
    }
}

/// `row += factor * other`.
#[inline(always)]
pub(super) fn add(row: &mut [f32], factor: f32, other: &[f32]) {
    let (row, other) = (row.as_chunks_mut::<LANES>().0, other.as_chunks::<LANES>().0);
    for (row, other) in row.iter_mut().zip(other) {
        for lane in 0..LANES {
            row[lane] += factor * other[lane];
        }
    }
}

/// The dot product of two rows, in a fixed order.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// `out = matrix * vector` for a symmetric matrix of as many rows as count, each of the width of `vector`.
#[inline(always)]
pub(super) fn multiply(matrix: &[f32], vector: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for (line, &factor) in matrix.chunks_exact(vector.len()).zip(vector) {
        add(out, factor, line);
    }
}

/// Replaces a symmetric positive definite matrix (its rows of the given width) by its inverse. Returns false where
/// it is not positive definite, to working precision. Gauss-Jordan without pivoting, which such a matrix does not
/// need; cost: as many multiplications as the cube of its rows.
#[inline(always)]
pub(super) fn invert(matrix: &mut [f32], width: usize, pivot_row: &mut [f32]) -> bool {
    for place in 0..matrix.len() / width {
        pivot_row.copy_from_slice(&matrix[place * width..][..width]);
        let pivot = pivot_row[place];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let reciprocal = pivot.recip();
        pivot_row.iter_mut().for_each(|value| *value *= reciprocal);
        // The column of the pivot becomes that of the inverse.
        pivot_row[place] = reciprocal;
        for (number, line) in matrix.chunks_exact_mut(width).enumerate() {
            if number == place {
                line.copy_from_slice(pivot_row);
            } else {
                let factor = -line[place];
                line[place] = 0.0;
                add(line, factor, pivot_row);
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_matrix_times_its_inverse_is_one(k in 1usize..40, seed in 0.1f32..1.0) {
            let width = k.next_multiple_of(LANES);
            let m = |row: usize, column: usize| ((row * 100 + column) as f32 * seed).sin();
            let mut matrix = vec![0.0; k * width];
            for (i, line) in matrix.chunks_exact_mut(width).enumerate() {
                for (j, cell) in line[..k].iter_mut().enumerate() {
                    *cell = (0..k).map(|row| m(row, i) * m(row, j)).sum::<f32>() + f32::from(i == j) * k as f32;
                }
            }
            let mut inverse = matrix.clone();
            prop_assert!(invert(&mut inverse, width, &mut vec![0.0; width]));
            for (i, line) in inverse.chunks_exact(width).enumerate() {
                let mut product = vec![0.0; width];
                multiply(&matrix, line, &mut product);
                for (j, &cell) in product.iter().enumerate() {
                    prop_assert!((cell - f32::from(i == j)).abs() < 1e-3, "({i}, {j}) is {cell}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused() {
        for diagonal in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let mut matrix = Rows::zeros(1, 1);
            matrix.values[0] = diagonal;
            assert!(!invert(&mut matrix.values, LANES, &mut [0.0; LANES]), "{diagonal}");
        }
    }
}
