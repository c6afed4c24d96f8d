//! Vectors and matrices of a small size that is fixed at compile time, and their arithmetic.
//!
//! A row holds the bias and the factors of a user or an item, padded with zeros to `W` numbers. As `W` is a
//! constant, the compiler vectorizes every loop. [`add`] fuses; everything else rounds products before it
//! adds them. The order of operations is fixed: the bits are the same on every instruction set.

use pulp::Simd;
use rayon::prelude::*;

/// The bias, the factors, and zeros as padding.
pub(super) type Row<const W: usize> = [f32; W];
/// A symmetric matrix over rows.
pub(super) type Square<const W: usize> = [Row<W>; W];

/// Rows that are summed as one block. It fixes the order of summation for any number of threads.
pub(super) const BLOCK: usize = 4096;

/// Fewest rows that a thread takes at a time.
pub(super) const MIN_ROWS: usize = 16;

/// `row += factor * other`, in fused multiply-adds.
#[inline(always)]
pub(super) fn add<S: Simd, const W: usize>(simd: S, row: &mut Row<W>, factor: f32, other: &Row<W>) {
    let factor = simd.splat_f32s(factor);
    for (value, &other) in S::as_mut_simd_f32s(row).0.iter_mut().zip(S::as_simd_f32s(other).0) {
        *value = simd.mul_add_f32s(factor, other, *value);
    }
}

/// Returns `row + factor * other`, with products rounded: for code outside of kernels.
#[inline(always)]
pub(super) fn plus<const W: usize>(mut row: Row<W>, factor: f32, other: &Row<W>) -> Row<W> {
    for place in 0..W {
        row[place] += factor * other[place];
    }
    row
}

/// The dot product of two rows, in a fixed order: the upper half is added to the lower until one number is left.
#[inline(always)]
pub(super) fn dot<const W: usize>(a: &Row<W>, b: &Row<W>) -> f32 {
    let mut products = product(a, b);
    let mut n = W;
    while n > 1 {
        n /= 2;
        for place in 0..n {
            products[place] += products[place + n];
        }
    }
    products[0]
}

/// The elementwise product of two rows.
#[inline(always)]
pub(super) fn product<const W: usize>(a: &Row<W>, b: &Row<W>) -> Row<W> {
    let mut products = *a;
    for place in 0..W {
        products[place] *= b[place];
    }
    products
}

/// A symmetric matrix times a row.
#[inline(always)]
pub(super) fn multiply<S: Simd, const W: usize>(simd: S, matrix: &Square<W>, row: &Row<W>) -> Row<W> {
    let mut result = [0.0; W];
    for (line, &factor) in matrix.iter().zip(row) {
        add(simd, &mut result, factor, line);
    }
    result
}

/// Replaces a positive definite matrix by its inverse, by Gauss-Jordan elimination without pivoting. Returns
/// false if the matrix is not positive definite to working precision. Cost: W^3 multiplications.
#[inline(always)]
pub(super) fn invert<S: Simd, const W: usize>(simd: S, matrix: &mut Square<W>) -> bool {
    for place in 0..W {
        let pivot = matrix[place][place];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        // The column of the pivot becomes that of the inverse; its old values are masked out of the sums.
        let (mut pivot_row, mut mask) = (matrix[place], [1.0; W]);
        pivot_row[place] = 1.0;
        mask[place] = 0.0;
        pivot_row = product(&pivot_row, &[pivot.recip(); W]);
        for line in &mut *matrix {
            let factor = -line[place];
            *line = product(line, &mask);
            add(simd, line, factor, &pivot_row);
        }
        matrix[place] = pivot_row;
    }
    true
}

/// The dot product of two tables of rows, in a fixed order.
pub(super) fn dot_all<const W: usize>(a: &[Row<W>], b: &[Row<W>]) -> f64 {
    let blocks = a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK));
    let sums = blocks.map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from(dot(a, b))).sum());
    sums.collect::<Vec<f64>>().iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulp::Scalar;

    use super::*;

    proptest! {
        #[test]
        fn a_matrix_times_its_inverse_is_the_identity(
            seed in 0.1f32..1.0, numbers in prop::array::uniform16(-1.0f32..1.0)
        ) {
            let m = |row: usize, column: usize| ((row * 100 + column) as f32 * seed).sin();
            let mut matrix = [[0.0; 16]; 16];
            for (i, line) in matrix.iter_mut().enumerate() {
                for (j, cell) in line.iter_mut().enumerate() {
                    *cell = (0..16).map(|row| m(row, i) * m(row, j)).sum::<f32>() + f32::from(i == j);
                }
            }
            let mut inverse = matrix;
            prop_assert!(invert(Scalar::new(), &mut inverse));
            let found = multiply(Scalar::new(), &inverse, &multiply(Scalar::new(), &matrix, &numbers));
            for (found, expected) in found.iter().zip(numbers) {
                prop_assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
            }
        }

        #[test]
        fn a_dot_product_is_the_sum_of_the_products(
            a in prop::array::uniform16(-1.0f32..1.0), b in prop::array::uniform16(-1.0f32..1.0)
        ) {
            let plain: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            prop_assert!((dot(&a, &b) - plain).abs() < 1e-5);
            prop_assert!((dot_all(&[a, b], &[b, b]) - f64::from(plain + dot(&b, &b))).abs() < 1e-5);
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_inverse() {
        for diagonal in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(!invert(Scalar::new(), &mut [[diagonal]]), "{diagonal}");
        }
    }
}
