//! One row's steps towards its solution.

use pulp::Simd;

use super::{Observation, Side};

/// Steps that a row takes in each epoch. In the basis of the axes a second step leaves next to nothing to a third.
const STEPS: usize = 2;

/// Ratings whose dot products are taken together.
const TOGETHER: usize = 4;

/// A row and what it is improved by.
pub(super) struct Row<'a, 'b, O, R> {
    pub(super) side: &'a Side<'b, O, R>,
    /// Its place.
    pub(super) number: usize,
    /// The factors of the other side, n_columns x stride.
    pub(super) held: &'a [f32],
    /// What all columns add to the diagonal of the row's system, and they add nothing else.
    pub(super) diagonal: &'a [f32],
}

/// Vectors that a thread needs to improve a row, each of a stride.
pub(super) struct Workspace {
    /// What the equations still lack at x.
    residual: Vec<f32>,
    /// The diagonal of the system: the preconditioner.
    diagonal: Vec<f32>,
    /// The part of it that does not come from the row's ratings.
    base: Vec<f32>,
    /// The way x goes.
    direction: Vec<f32>,
    /// The system times the direction.
    image: Vec<f32>,
}

impl Workspace {
    pub(super) fn new(stride: usize) -> Self {
        let zero = vec![0.0; stride];
        Self {
            residual: zero.clone(),
            diagonal: zero.clone(),
            base: zero.clone(),
            direction: zero.clone(),
            image: zero,
        }
    }
}

impl<O, R> Row<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// Conjugate gradients from x for `(diag(base) + sum of weight q q^T) x = sum of weight * target * q`, with the
    /// diagonal of the system as preconditioner.
    #[inline(always)]
    pub(super) fn improve<S: Simd>(&self, simd: S, x: &mut [f32], workspace: &mut Workspace) {
        let (columns, _) = self.side.matrix.row(self.number);
        if columns.is_empty() {
            x.fill(0.0);
            return;
        }
        let ridge = (self.side.ridge)(columns.len());
        let Workspace { residual, diagonal, base, direction, image } = workspace;
        for ((base, &shared), diagonal) in base.iter_mut().zip(self.diagonal).zip(diagonal.iter_mut()) {
            *base = shared + ridge;
            *diagonal = *base;
        }
        for ((residual, base), x) in residual.iter_mut().zip(&*base).zip(&*x) {
            *residual = -base * x;
        }
        self.begin(simd, x, residual, diagonal);
        divide(residual, diagonal, direction);
        let mut gain = dot(residual, direction);
        for step in 1..=STEPS {
            for ((image, base), direction) in image.iter_mut().zip(&*base).zip(&*direction) {
                *image = base * direction;
            }
            self.apply(simd, direction, image);
            let curvature = dot(direction, image);
            // Nothing is left to gain.
            if curvature == 0.0 {
                return;
            }
            let length = gain / curvature;
            add_scaled(x, length, direction);
            if step == STEPS {
                return;
            }
            add_scaled(residual, -length, image);
            divide(residual, diagonal, image);
            let next = dot(residual, image);
            let memory = next / gain;
            for (direction, image) in direction.iter_mut().zip(&*image) {
                *direction = image + memory * *direction;
            }
            gain = next;
        }
    }

    /// Adds `sum of weight * (target - q . x) q` to the residual and `sum of weight q^2` to the diagonal.
    #[inline(always)]
    fn begin<S: Simd>(&self, simd: S, x: &[f32], residual: &mut [f32], diagonal: &mut [f32]) {
        let (columns, stars) = self.side.matrix.row(self.number);
        let (columns, last) = columns.as_chunks::<TOGETHER>();
        let (stars, last_stars) = stars.as_chunks::<TOGETHER>();
        for (columns, stars) in columns.iter().zip(stars) {
            self.begin_some(simd, columns, stars, x, residual, diagonal);
        }
        for (&column, &stars) in last.iter().zip(last_stars) {
            self.begin_some(simd, &[column], &[stars], x, residual, diagonal);
        }
    }

    #[inline(always)]
    fn begin_some<S: Simd, const N: usize>(
        &self,
        simd: S,
        columns: &[u32; N],
        stars: &[f32; N],
        x: &[f32],
        residual: &mut [f32],
        diagonal: &mut [f32],
    ) {
        let q = self.gather::<S, N>(columns);
        let mut observed = [Observation { weight: 0.0, target: 0.0 }; N];
        for n in 0..N {
            observed[n] = (self.side.observe)(self.number, columns[n], stars[n]);
        }
        let mut errors = dots(simd, q, x);
        for n in 0..N {
            errors[n] = observed[n].weight * (observed[n].target - errors[n]);
        }
        let weights = observed.map(|observed| observed.weight);
        add(simd, q, errors, residual);
        add_squares(simd, q, weights, diagonal);
    }

    /// Adds `sum of weight * (q . direction) q` to the image.
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, direction: &[f32], image: &mut [f32]) {
        let (columns, stars) = self.side.matrix.row(self.number);
        let (columns, last) = columns.as_chunks::<TOGETHER>();
        let (stars, last_stars) = stars.as_chunks::<TOGETHER>();
        for (columns, stars) in columns.iter().zip(stars) {
            self.apply_some(simd, columns, stars, direction, image);
        }
        for (&column, &stars) in last.iter().zip(last_stars) {
            self.apply_some(simd, &[column], &[stars], direction, image);
        }
    }

    #[inline(always)]
    fn apply_some<S: Simd, const N: usize>(
        &self,
        simd: S,
        columns: &[u32; N],
        stars: &[f32; N],
        direction: &[f32],
        image: &mut [f32],
    ) {
        let q = self.gather::<S, N>(columns);
        let mut products = dots(simd, q, direction);
        for n in 0..N {
            products[n] *= (self.side.observe)(self.number, columns[n], stars[n]).weight;
        }
        add(simd, q, products, image);
    }

    #[inline(always)]
    fn gather<S: Simd, const N: usize>(&self, columns: &[u32; N]) -> [&[S::f32s]; N] {
        let stride = self.diagonal.len();
        let mut q: [&[S::f32s]; N] = [&[]; N];
        for n in 0..N {
            q[n] = S::as_simd_f32s(&self.held[columns[n] as usize * stride..][..stride]).0;
        }
        q
    }
}

/// The dot product of each row with x.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], x: &[f32]) -> [f32; N] {
    let (x, _) = S::as_simd_f32s(x);
    let rows = rows.map(|row| &row[..x.len()]);
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

/// Adds to `sum` each row times its factor.
#[inline(always)]
fn add<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], factors: [f32; N], sum: &mut [f32]) {
    let (sum, _) = S::as_mut_simd_f32s(sum);
    let rows = rows.map(|row| &row[..sum.len()]);
    let factors = factors.map(|factor| simd.splat_f32s(factor));
    for i in 0..sum.len() {
        let mut cell = sum[i];
        for n in 0..N {
            cell = simd.mul_add_f32s(rows[n][i], factors[n], cell);
        }
        sum[i] = cell;
    }
}

/// Adds to `sum` the squares of each row times its weight.
#[inline(always)]
fn add_squares<S: Simd, const N: usize>(simd: S, rows: [&[S::f32s]; N], weights: [f32; N], sum: &mut [f32]) {
    let (sum, _) = S::as_mut_simd_f32s(sum);
    let rows = rows.map(|row| &row[..sum.len()]);
    let weights = weights.map(|weight| simd.splat_f32s(weight));
    for i in 0..sum.len() {
        let mut cell = sum[i];
        for n in 0..N {
            cell = simd.mul_add_f32s(simd.mul_f32s(rows[n][i], weights[n]), rows[n][i], cell);
        }
        sum[i] = cell;
    }
}

/// `quotient = a / b`.
#[inline(always)]
fn divide(a: &[f32], b: &[f32], quotient: &mut [f32]) {
    for ((quotient, a), b) in quotient.iter_mut().zip(a).zip(b) {
        *quotient = a / b;
    }
}

/// `sum += factor * x`.
#[inline(always)]
fn add_scaled(sum: &mut [f32], factor: f32, x: &[f32]) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    crate::model::cholesky::dot(a, b)
}
