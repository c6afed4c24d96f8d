//! Solves the small dense systems that the factorisation poses: symmetric, positive definite, k x k.

use pulp::Simd;

use crate::tile::{self, ROWS, lanes, width};

/// Sums that a dot product runs side by side, so that the compiler can make vectors of them.
const LANES: usize = 16;

/// Solves `a x = b` for x, which replaces b.
///
/// Of `a` (k x k, row i beginning at `i * stride`, the stride a multiple of a tile's width) the upper triangle
/// is read; it is overwritten by its factor U with `a = U^T U`, and what lies below loses its meaning. Returns
/// false where `a` is not positive definite, to working precision. Cost: k^3 / 6 multiplications, nearly all
/// of them in tiles.
#[inline(always)]
pub(super) fn solve<S: Simd>(simd: S, a: &mut [f32], stride: usize, b: &mut [f32]) -> bool {
    factorise(simd, a, stride, b.len()) && {
        substitute(a, stride, b);
        true
    }
}

/// The inverse of `a`, laid out as [`solve`] wants it: k rows of a stride, whole and symmetric. `None` where `a`
/// is not positive definite. Cost: k^3 multiplications, for once and not for every row.
#[inline(always)]
pub(super) fn invert<S: Simd>(simd: S, a: &mut [f32], stride: usize, k: usize) -> Option<Vec<f32>> {
    if !factorise(simd, a, stride, k) {
        return None;
    }
    let mut inverse = vec![0.0; k * stride];
    for (column, line) in inverse.chunks_exact_mut(stride).enumerate() {
        line[column] = 1.0;
        substitute(a, stride, &mut line[..k]);
    }
    Some(inverse)
}

/// A block of rows at a time: what the rows above contribute is taken off by tiles, then the block itself is
/// factorised.
#[inline(always)]
fn factorise<S: Simd>(simd: S, a: &mut [f32], stride: usize, k: usize) -> bool {
    for first in (0..k).step_by(ROWS) {
        let (above, block) = a.split_at_mut(first * stride);
        let block = &mut block[..(k - first).min(ROWS) * stride];
        if first > 0 {
            for column in (first / width::<S>() * width::<S>()..k).step_by(width::<S>()) {
                let sums = tile::product(simd, &above[first..], stride, &above[column..], stride);
                for (line, sums) in block.chunks_exact_mut(stride).zip(&sums) {
                    line[column..].iter_mut().zip(lanes::<S>(sums)).for_each(|(cell, sum)| *cell -= sum);
                }
            }
        }
        if !factorise_block(block, stride, first, k) {
            return false;
        }
    }
    true
}

/// The rows of a block among themselves; the first of them has its pivot in column `first`.
#[inline(always)]
fn factorise_block(block: &mut [f32], stride: usize, first: usize, k: usize) -> bool {
    for place in 0..block.len() / stride {
        let (done, below) = block.split_at_mut((place + 1) * stride);
        let pivot_row = &mut done[place * stride + first + place..place * stride + k];
        let pivot = pivot_row[0];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let scale = pivot.sqrt().recip();
        pivot_row.iter_mut().for_each(|value| *value *= scale);
        for (distance, line) in (1..).zip(below.chunks_exact_mut(stride)) {
            let factor = pivot_row[distance];
            let rest = line[first + place + distance..k].iter_mut().zip(&pivot_row[distance..]);
            rest.for_each(|(value, above)| *value -= factor * above);
        }
    }
    true
}

/// U^T y = b, then U x = y.
#[inline(always)]
fn substitute(u: &[f32], stride: usize, b: &mut [f32]) {
    let k = b.len();
    for j in 0..k {
        let line = &u[j * stride + j..j * stride + k];
        let y = b[j] / line[0];
        b[j] = y;
        b[j + 1..].iter_mut().zip(&line[1..]).for_each(|(value, u)| *value -= y * u);
    }
    for j in (0..k).rev() {
        let line = &u[j * stride + j..j * stride + k];
        b[j] = (b[j] - dot(&line[1..], &b[j + 1..])) / line[0];
    }
}

/// The dot product of two rows of one length, in a fixed order.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulp::{Arch, WithSimd};

    use super::*;

    /// A system of rows without gaps, solved with the vectors of the machine.
    struct System {
        a: Vec<f32>,
        b: Vec<f32>,
    }

    impl WithSimd for System {
        type Output = Option<Vec<f32>>;

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let Self { a, mut b } = self;
            let stride = b.len().next_multiple_of(width::<S>());
            let mut padded = vec![0.0; stride * stride];
            for (padded, line) in padded.chunks_exact_mut(stride).zip(a.chunks_exact(b.len())) {
                padded[..b.len()].copy_from_slice(line);
            }
            solve(simd, &mut padded, stride, &mut b).then_some(b)
        }
    }

    proptest! {
        #[test]
        fn the_solution_satisfies_its_system(
            k in 1usize..100,
            seed in 0.1f32..1.0,
            solution in prop::collection::vec(-2.0f32..2.0, 100),
        ) {
            // M^T M + k I is positive definite and not ill-conditioned.
            let m = |row: usize, column: usize| ((row * 100 + column) as f32 * seed).sin();
            let a: Vec<f32> = (0..k * k)
                .map(|cell| {
                    let (i, j) = (cell / k, cell % k);
                    (0..k).map(|row| m(row, i) * m(row, j)).sum::<f32>() + f32::from(i == j) * k as f32
                })
                .collect();
            let x = &solution[..k];
            let b = a.chunks_exact(k).map(|line| line.iter().zip(x).map(|(a, x)| a * x).sum()).collect();
            let found = Arch::new().dispatch(System { a, b }).unwrap();
            for (found, expected) in found.iter().zip(x) {
                prop_assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn a_system_that_is_not_positive_definite_is_refused() {
        let solve = |a: &[f32], b: &[f32]| Arch::new().dispatch(System { a: a.to_vec(), b: b.to_vec() });
        assert!(solve(&[1.0, 2.0, 2.0, 1.0], &[1.0, 1.0]).is_none());
        assert!(solve(&[f32::NAN], &[1.0]).is_none());
        assert!(solve(&[4.0], &[2.0]).is_some_and(|x| x == [0.5]));
    }
}
