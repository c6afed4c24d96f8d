//! The conjugate gradient steps of one row towards its solution. The other solvers of this kind are in
//! `rating::normal_equations` and `ranking::fold_in`.

use std::ops::Range;

use pulp::Simd;
use ranking::vector::{add_scaled, divide, dot, multiply};

use super::panel::{BLOCK, Panel};
use super::{HalfEpoch, Observation};

/// Steps of a row in each epoch. In the basis of the axes a third step would change next to nothing.
const STEPS: usize = 2;

/// The least-squares system of one row.
pub(super) struct RowSystem<'a, 'b, O, R> {
    pub(super) half: &'a HalfEpoch<'b, O, R>,
    /// The index of the row.
    pub(super) index: usize,
    /// The factors of the other side: n_columns x stride, row-major.
    pub(super) other: &'a [f32],
    /// The diagonal of the Gram matrix of all columns, in their axes: the system of a row of weight 1 without
    /// ratings.
    pub(super) gram_diagonal: &'a [f32],
}

/// Scratch of a thread; each vector has the length of the stride.
pub(super) struct Workspace {
    /// The residual of the equations at x.
    residual: Vec<f32>,
    /// The diagonal of the system: the preconditioner.
    diagonal: Vec<f32>,
    /// The part of the diagonal that does not depend on the row's ratings.
    base: Vec<f32>,
    /// The direction of the step.
    direction: Vec<f32>,
    /// The matrix of the system times the direction.
    image: Vec<f32>,
    /// The factors of the row's ratings.
    panel: Panel,
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
            panel: Panel::new(stride),
        }
    }
}

impl<O, R> RowSystem<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// Takes [`STEPS`] conjugate gradient steps from x, with the diagonal of the system as preconditioner, for
    ///
    /// ```text
    /// (diag(base) + sum of weight q q^T) x = sum of weight * target * q
    /// ```
    #[inline(always)]
    pub(super) fn improve<S: Simd>(&self, simd: S, x: &mut [f32], workspace: &mut Workspace) {
        let columns = self.half.matrix.columns(self.index);
        if columns.is_empty() {
            x.fill(0.0);
            return;
        }
        let ridge = (self.half.ridge)(self.index);
        let weight = self.half.row_weights.map_or(1.0, |weights| weights[self.index]);
        let Workspace { residual, diagonal, base, direction, image, panel } = workspace;
        for ((base, &gram), diagonal) in base.iter_mut().zip(self.gram_diagonal).zip(diagonal.iter_mut()) {
            *base = weight * gram + ridge;
            *diagonal = *base;
        }
        multiply(base, x, residual);
        residual.iter_mut().for_each(|residual| *residual = -*residual);
        self.add_errors(simd, x, residual, diagonal, panel);
        divide(residual, diagonal, direction);
        let mut gain = dot(residual, direction);
        for step in 1..=STEPS {
            multiply(base, direction, image);
            self.add_products(simd, direction, image, panel);
            let curvature = dot(direction, image);
            // The gain underflows: the row is solved. NaN compares as false, and is reported by the caller.
            if gain < f32::MIN_POSITIVE || curvature < f32::MIN_POSITIVE {
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
            let conjugation = next / gain;
            for (direction, image) in direction.iter_mut().zip(&*image) {
                *direction = image + conjugation * *direction;
            }
            gain = next;
        }
    }

    /// Adds `sum of weight * (target - q . x) q` to the residual and `sum of weight q^2` to the diagonal.
    #[inline(always)]
    fn add_errors<S: Simd>(
        &self,
        simd: S,
        x: &[f32],
        residual: &mut [f32],
        diagonal: &mut [f32],
        panel: &mut Panel,
    ) {
        let fits = panel.holds(self.half.matrix.columns(self.index).len());
        for first in self.blocks() {
            let ratings = self.gather(simd, first, if fits { first } else { 0 }, panel);
            panel.add_errors(simd, ratings, x, residual, diagonal);
        }
    }

    /// Adds `sum of weight * (q . direction) q` to the image, after [`Self::add_errors`].
    #[inline(always)]
    fn add_products<S: Simd>(&self, simd: S, direction: &[f32], image: &mut [f32], panel: &mut Panel) {
        let n_ratings = self.half.matrix.columns(self.index).len();
        if panel.holds(n_ratings) {
            panel.add_products(simd, 0..n_ratings, direction, image);
            return;
        }
        for first in self.blocks() {
            let ratings = self.gather(simd, first, 0, panel);
            panel.add_products(simd, ratings, direction, image);
        }
    }

    /// The starts of the blocks of ratings.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = usize> {
        (0..self.half.matrix.columns(self.index).len()).step_by(BLOCK)
    }

    /// Copies a block of ratings to the panel, from row `place` on. Returns the rows of the panel that hold it.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, first: usize, place: usize, panel: &mut Panel) -> Range<usize> {
        let (columns, stars) = self.half.matrix.row(self.index);
        let n = BLOCK.min(columns.len() - first);
        let (columns, stars) = (&columns[first..first + n], &stars[first..first + n]);
        let mut roots = [0.0; BLOCK];
        for ((root, target), (&column, &stars)) in
            roots.iter_mut().zip(panel.targets(place)).zip(columns.iter().zip(stars))
        {
            let observed = (self.half.observe)(self.index, column, stars);
            *root = observed.weight.sqrt();
            *target = *root * observed.target;
        }
        // This loop only copies, so that the waits for memory overlap.
        for ((place, &root), &column) in (place..).zip(&roots).zip(columns) {
            panel.put(simd, place, self.other, column as usize, root);
        }
        place..place + n
    }
}
