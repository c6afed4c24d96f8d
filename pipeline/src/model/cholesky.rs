//! Solves the small dense systems that the factorisation poses: symmetric, positive definite, k x k.

/// Solves `a x = b` for x, which replaces b. Of `a` (k x k, row i beginning at `i * stride`) the upper
/// triangle is read; it is overwritten by its factor U with `a = U^T U`. Returns false where `a` is not
/// positive definite, to working precision. Cost: k^3 / 6 multiplications, in rows, which the compiler turns
/// into vectors.
#[inline(always)]
pub(super) fn solve(a: &mut [f32], stride: usize, b: &mut [f32]) -> bool {
    let k = b.len();
    for j in 0..k {
        let (above, below) = a.split_at_mut((j + 1) * stride);
        let pivot_row = &mut above[j * stride + j..j * stride + k];
        let pivot = pivot_row[0];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let scale = pivot.sqrt().recip();
        pivot_row.iter_mut().for_each(|value| *value *= scale);
        for (i, row) in (j + 1..k).zip(below.chunks_mut(stride)) {
            let factor = pivot_row[i - j];
            for (value, pivot_value) in row[i..k].iter_mut().zip(&pivot_row[i - j..]) {
                *value -= factor * pivot_value;
            }
        }
    }
    // U^T y = b, then U x = y.
    for j in 0..k {
        let row = &a[j * stride + j..j * stride + k];
        let y = b[j] / row[0];
        b[j] = y;
        for (value, u) in b[j + 1..].iter_mut().zip(&row[1..]) {
            *value -= y * u;
        }
    }
    for j in (0..k).rev() {
        let row = &a[j * stride + j..j * stride + k];
        let known: f32 = row[1..].iter().zip(&b[j + 1..]).map(|(u, x)| u * x).sum();
        b[j] = (b[j] - known) / row[0];
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_solution_satisfies_its_system(
            k in 1usize..20,
            entries in prop::collection::vec(-1.0f32..1.0, 30 * 20),
            solution in prop::collection::vec(-2.0f32..2.0, 20),
        ) {
            // M^T M + I is positive definite and not ill-conditioned.
            let m = |row: usize, column: usize| entries[row * k + column];
            let a: Vec<f32> = (0..k * k)
                .map(|cell| {
                    let (i, j) = (cell / k, cell % k);
                    (0..30).map(|row| m(row, i) * m(row, j)).sum::<f32>() + f32::from(i == j)
                })
                .collect();
            let x = &solution[..k];
            let mut b: Vec<f32> =
                a.chunks_exact(k).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect();
            prop_assert!(solve(&mut a.clone(), k, &mut b));
            for (found, expected) in b.iter().zip(x) {
                prop_assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn a_system_that_is_not_positive_definite_is_refused() {
        assert!(!solve(&mut [1.0, 2.0, 2.0, 1.0], 2, &mut [1.0, 1.0]));
        assert!(!solve(&mut [f32::NAN], 1, &mut [1.0]));
    }
}
