//! One row's steps towards its solution.

use std::ops::Range;

use pulp::Simd;
use ranking::vector::{add_scaled, divide, dot, multiply};

use super::panel::{BLOCK, Panel};
use super::{Observation, Side};

/// Steps that a row takes in each epoch. In the basis of the axes a second step leaves next to nothing to a third.
const STEPS: usize = 2;

/// A row and what it is improved by.
pub(super) struct Row<'a, 'b, O, R> {
    pub(super) side: &'a Side<'b, O, R>,
    /// Its place.
    pub(super) number: usize,
    /// The factors of the other side, n_columns x stride.
    pub(super) held: &'a [f32],
    /// What all columns add to the system of a row of weight 1: in their axes, a diagonal.
    pub(super) shared: &'a [f32],
}

/// What a thread needs to improve a row; vectors are of a stride.
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

impl<O, R> Row<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// Conjugate gradients from x for `(diag(base) + sum of weight q q^T) x = sum of weight * target * q`, with the
    /// diagonal of the system as preconditioner.
    #[inline(always)]
    pub(super) fn improve<S: Simd>(&self, simd: S, x: &mut [f32], workspace: &mut Workspace) {
        let columns = self.side.matrix.columns(self.number);
        if columns.is_empty() {
            x.fill(0.0);
            return;
        }
        let ridge = (self.side.ridge)(self.number);
        let weight = self.side.row_weights[self.number];
        let Workspace { residual, diagonal, base, direction, image, panel } = workspace;
        for ((base, &shared), diagonal) in base.iter_mut().zip(self.shared).zip(diagonal.iter_mut()) {
            *base = weight * shared + ridge;
            *diagonal = *base;
        }
        multiply(base, x, residual);
        residual.iter_mut().for_each(|residual| *residual = -*residual);
        self.begin(simd, x, residual, diagonal, panel);
        divide(residual, diagonal, direction);
        let mut gain = dot(residual, direction);
        for step in 1..=STEPS {
            multiply(base, direction, image);
            self.apply(simd, direction, image, panel);
            let curvature = dot(direction, image);
            // Nothing is left to gain that the numbers can tell from zero. Not a number is not less than one, and
            // goes on to where it is seen.
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
            let memory = next / gain;
            for (direction, image) in direction.iter_mut().zip(&*image) {
                *direction = image + memory * *direction;
            }
            gain = next;
        }
    }

    /// Adds `sum of weight * (target - q . x) q` to the residual and `sum of weight q^2` to the diagonal.
    #[inline(always)]
    fn begin<S: Simd>(
        &self,
        simd: S,
        x: &[f32],
        residual: &mut [f32],
        diagonal: &mut [f32],
        panel: &mut Panel,
    ) {
        let kept = panel.holds(self.side.matrix.columns(self.number).len());
        for first in self.blocks() {
            let ratings = self.gather(simd, first, if kept { first } else { 0 }, panel);
            panel.add_errors(simd, ratings, x, residual, diagonal);
        }
    }

    /// Adds `sum of weight * (q . direction) q` to the image, after [`Self::begin`].
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, direction: &[f32], image: &mut [f32], panel: &mut Panel) {
        let n_ratings = self.side.matrix.columns(self.number).len();
        if panel.holds(n_ratings) {
            panel.add_products(simd, 0..n_ratings, direction, image);
            return;
        }
        for first in self.blocks() {
            let ratings = self.gather(simd, first, 0, panel);
            panel.add_products(simd, ratings, direction, image);
        }
    }

    /// Where blocks of ratings begin.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = usize> {
        (0..self.side.matrix.columns(self.number).len()).step_by(BLOCK)
    }

    /// Copies a block of ratings to a place of the panel, and says which of the panel's rows it has become.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, first: usize, place: usize, panel: &mut Panel) -> Range<usize> {
        let (columns, stars) = self.side.matrix.row(self.number);
        let n = BLOCK.min(columns.len() - first);
        let (columns, stars) = (&columns[first..first + n], &stars[first..first + n]);
        let mut roots = [0.0; BLOCK];
        for ((root, target), (&column, &stars)) in
            roots.iter_mut().zip(panel.targets(place)).zip(columns.iter().zip(stars))
        {
            let observed = (self.side.observe)(self.number, column, stars);
            *root = observed.weight.sqrt();
            *target = *root * observed.target;
        }
        // Nothing but copies here, so that their waits for memory overlap.
        for ((place, &root), &column) in (place..).zip(&roots).zip(columns) {
            panel.put(simd, place, self.held, column as usize, root);
        }
        place..place + n
    }
}
