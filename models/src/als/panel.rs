//! The factors of a row's ratings, copied together so that a core's cache holds them while they are read repeatedly.

use std::ops::Range;

use pulp::Simd;

use super::Factors;

/// Ratings that are gathered before they are used. Their loads are independent, so their waits for memory overlap.
pub(super) const BLOCK: usize = 32;
/// Bytes of a panel: a part of a core's L2 cache.
const SIZE: usize = 512 << 10;
/// Rows whose dot products are computed together.
const TOGETHER: usize = 4;

/// The matrix Q (ratings x stride) whose rows are `sqrt(weight) q`, and the targets of the ratings, times
/// `sqrt(weight)`.
pub(super) struct Panel {
    rows: Factors,
    targets: Vec<f32>,
}

impl Panel {
    pub(super) fn new(stride: usize) -> Self {
        let n_rows = (SIZE / size_of::<f32>() / stride).next_multiple_of(BLOCK);
        Self { rows: Factors::zero(n_rows, stride), targets: vec![0.0; n_rows] }
    }

    /// Whether this number of ratings fits. Larger numbers are processed in blocks.
    #[inline(always)]
    pub(super) fn holds(&self, n_ratings: usize) -> bool {
        n_ratings <= self.targets.len()
    }

    /// The targets from `place` on.
    #[inline(always)]
    pub(super) fn targets(&mut self, place: usize) -> &mut [f32] {
        &mut self.targets[place..]
    }

    /// Copies the factors of a column of `other`, times the root of a weight, to row `place`.
    #[inline(always)]
    pub(super) fn put<S: Simd>(&mut self, simd: S, place: usize, other: &[f32], column: usize, root: f32) {
        let stride = self.rows.stride();
        let root = simd.splat_f32s(root);
        let (q, _) = S::as_simd_f32s(&other[column * stride..][..stride]);
        let (row, _) = S::as_mut_simd_f32s(&mut self.rows.as_mut_slice()[place * stride..][..stride]);
        for (row, &q) in row.iter_mut().zip(q) {
            *row = simd.mul_f32s(root, q);
        }
    }

    /// Adds `Q^T (targets - Q x)` to the residual and the diagonal of `Q^T Q` to the diagonal.
    #[inline(always)]
    pub(super) fn add_errors<S: Simd>(
        &self,
        simd: S,
        ratings: Range<usize>,
        x: &[f32],
        residual: &mut [f32],
        diagonal: &mut [f32],
    ) {
        let (q, targets) = (self.rows(&ratings), &self.targets[ratings]);
        let stride = x.len();
        let (many, one) = targets.as_chunks::<TOGETHER>();
        let (q_many, q_one) = q.split_at(many.len() * TOGETHER * stride);
        for (q, targets) in q_many.chunks_exact(TOGETHER * stride).zip(many) {
            let q = rows::<S, TOGETHER>(q);
            let mut errors = dots(simd, q, x);
            for n in 0..TOGETHER {
                errors[n] = targets[n] - errors[n];
            }
            add(simd, q, errors, residual);
            add_squares(simd, q, diagonal);
        }
        for (q, target) in q_one.chunks_exact(stride).zip(one) {
            let q = rows::<S, 1>(q);
            let [product] = dots(simd, q, x);
            add(simd, q, [target - product], residual);
            add_squares(simd, q, diagonal);
        }
    }

    /// Adds `Q^T Q direction` to the image.
    #[inline(always)]
    pub(super) fn add_products<S: Simd>(
        &self,
        simd: S,
        ratings: Range<usize>,
        direction: &[f32],
        image: &mut [f32],
    ) {
        let stride = direction.len();
        let many = self.rows(&ratings).chunks_exact(TOGETHER * stride);
        let one = many.remainder().chunks_exact(stride);
        for q in many {
            let q = rows::<S, TOGETHER>(q);
            add(simd, q, dots(simd, q, direction), image);
        }
        for q in one {
            let q = rows::<S, 1>(q);
            add(simd, q, dots(simd, q, direction), image);
        }
    }

    #[inline(always)]
    fn rows(&self, ratings: &Range<usize>) -> &[f32] {
        let stride = self.rows.stride();
        &self.rows.as_slice()[ratings.start * stride..ratings.end * stride]
    }
}

/// Splits consecutive rows into vectors. Here and below loops stand where closures could: a closure that is not
/// inlined loses the vectors of the machine.
#[inline(always)]
fn rows<S: Simd, const N: usize>(q: &[f32]) -> [&[S::f32s]; N] {
    let (q, _) = S::as_simd_f32s(q);
    let width = q.len() / N;
    let mut rows: [&[S::f32s]; N] = [&[]; N];
    for n in 0..N {
        rows[n] = &q[n * width..][..width];
    }
    rows
}

/// The dot product of each row with x.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], x: &[f32]) -> [f32; N] {
    let (x, _) = S::as_simd_f32s(x);
    let mut sums = [simd.splat_f32s(0.0); N];
    for i in 0..x.len() {
        for n in 0..N {
            sums[n] = simd.mul_add_f32s(rows[n][i], x[i], sums[n]);
        }
    }
    let mut dots = [0.0; N];
    for n in 0..N {
        dots[n] = simd.reduce_sum_f32s(sums[n]);
    }
    dots
}

/// Adds each row times its factor to `sum`.
#[inline(always)]
fn add<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], factors: [f32; N], sum: &mut [f32]) {
    let (sum, _) = S::as_mut_simd_f32s(sum);
    let mut vectors = [simd.splat_f32s(0.0); N];
    for n in 0..N {
        vectors[n] = simd.splat_f32s(factors[n]);
    }
    for i in 0..sum.len() {
        let mut cell = sum[i];
        for n in 0..N {
            cell = simd.mul_add_f32s(rows[n][i], vectors[n], cell);
        }
        sum[i] = cell;
    }
}

/// Adds the squares of each row to `sum`.
#[inline(always)]
fn add_squares<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], sum: &mut [f32]) {
    let (sum, _) = S::as_mut_simd_f32s(sum);
    for i in 0..sum.len() {
        let mut cell = sum[i];
        for row in rows {
            cell = simd.mul_add_f32s(row[i], row[i], cell);
        }
        sum[i] = cell;
    }
}
