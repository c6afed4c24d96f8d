//! One half of an epoch of alternating least squares: all rows of one side are solved while the other side
//! is held (Zhou, Wilkinson, Schreiber, Pan: "Large-Scale Parallel Collaborative Filtering for the Netflix
//! Prize", AAIM 2008; Hu, Koren, Volinsky: "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008).
//!
//! Both models are trained by it; they differ in what they make of a rating. Rows are solved in parallel and
//! written to places of their own; no sum crosses rows but those of the Gram matrix, which are added in a fixed
//! order. So any number of threads gives the same bits.

mod few;
mod many;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::interactions::Csr;
use crate::tile::machine_width;
use few::Prior;

/// Ratings whose factors are gathered at once: some tens of kilobytes, which a core's nearest caches hold.
const PANEL: usize = 128;

/// What a model makes of a rating when it solves a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// How much its error counts.
    pub(super) weight: f32,
    /// What the dot product should be.
    pub(super) target: f32,
}

/// A side to be solved, given the other.
pub(super) struct Side<'a, O, R> {
    /// This side by the other.
    pub(super) matrix: &'a Csr,
    /// The factors that are held: n_columns x n_factors, row-major.
    pub(super) other: &'a [f32],
    /// Latent factors of a row.
    pub(super) n_factors: usize,
    /// What every system begins with (n_factors x n_factors), if not zero.
    pub(super) base: Option<&'a [f32]>,
    /// What a rating in stars means, by row and column.
    pub(super) observe: O,
    /// The pull towards zero of a row, by its number of ratings.
    pub(super) ridge: R,
}

impl<O, R> Side<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation + Sync,
    R: Fn(usize) -> f32 + Sync,
{
    /// Replaces the factors of every row (n_rows x n_factors, row-major) by the solution p of
    ///
    /// ```text
    /// (base + sum of weight q q^T + ridge I) p = sum of weight * target * q
    /// ```
    ///
    /// over the ratings of the row, q being the factors of the other side. A row without ratings becomes
    /// zero. Fails where a solution is not finite.
    ///
    /// Cost: n_factors^2 / 2 multiplications a rating and n_factors^3 / 6 a row, or, for the many rows with
    /// few ratings, n_factors^2 a rating and next to nothing a row.
    pub(super) fn solve(&self, factors: &mut [f32]) -> Result<(), ()> {
        let prior = Prior::of(self)?;
        let rows = factors.par_chunks_exact_mut(self.n_factors).enumerate().with_min_len(8);
        rows.try_for_each_init(
            || Workspace::new(self.n_factors),
            |workspace, (row, factors)| {
                Arch::new().dispatch(SolveRow { side: self, prior: &prior, row, factors, workspace })
            },
        )
    }
}

/// What a thread needs to solve a row.
struct Workspace {
    /// Factors of a row, filled up to whole tiles.
    stride: usize,
    /// stride x stride.
    system: Vec<f32>,
    /// The factors of a panel of ratings, plain and weighted: PANEL x stride.
    gathered: Vec<f32>,
    weighted: Vec<f32>,
}

impl Workspace {
    fn new(n_factors: usize) -> Self {
        let stride = n_factors.next_multiple_of(machine_width());
        let panel = vec![0.0; PANEL * stride];
        Self { stride, system: vec![0.0; stride * stride], gathered: panel.clone(), weighted: panel }
    }
}

/// Solves one row, with the vectors of the machine.
struct SolveRow<'a, 'b, O, R> {
    side: &'a Side<'b, O, R>,
    prior: &'a Prior,
    row: usize,
    factors: &'a mut [f32],
    workspace: &'a mut Workspace,
}

impl<O, R> WithSimd for SolveRow<'_, '_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    type Output = Result<(), ()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { side, prior, row, factors, workspace } = self;
        let n_ratings = side.matrix.columns(row).len();
        let solved = match prior.inverse(n_ratings) {
            _ if n_ratings == 0 => {
                factors.fill(0.0);
                true
            }
            Some(inverse) => side.solve_few(simd, row, inverse, factors, workspace),
            None => side.solve_many(simd, row, factors, workspace),
        };
        if solved && factors.iter().all(|factor| factor.is_finite()) { Ok(()) } else { Err(()) }
    }
}

/// Begins a system (k x k, in rows of a stride) as base + ridge I.
#[inline(always)]
fn begin(base: Option<&[f32]>, ridge: f32, k: usize, stride: usize, system: &mut [f32]) {
    system.fill(0.0);
    if let Some(base) = base {
        for (system, base) in system.chunks_exact_mut(stride).zip(base.chunks_exact(k)) {
            system[..k].copy_from_slice(base);
        }
    }
    system.chunks_exact_mut(stride).take(k).enumerate().for_each(|(i, line)| line[i] += ridge);
}

#[cfg(test)]
mod tests;
