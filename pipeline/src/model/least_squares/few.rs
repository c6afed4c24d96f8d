//! A row with few ratings: the system of its ratings, given what all such rows share.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Observation, PANEL, Side, Workspace, begin};
use crate::model::cholesky;
use crate::tile::{self, ROWS, lanes, width};

impl<O, R> Side<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// By the system of the n ratings instead (Woodbury's identity): with M = base + ridge I and Q the n x k
    /// factors of the ratings,
    ///
    /// ```text
    /// p = M^-1 Q^T x,   (W^-1 + Q M^-1 Q^T) x = targets
    /// ```
    #[inline(always)]
    pub(super) fn solve_few<S: Simd>(
        &self,
        simd: S,
        row: usize,
        inverse: &[f32],
        factors: &mut [f32],
        workspace: &mut Workspace,
    ) -> bool {
        let Workspace { stride, system, gathered: by_factor, weighted: z } = workspace;
        let (k, stride) = (self.n_factors, *stride);
        let (columns, stars) = self.matrix.row(row);
        let q = |place: usize| &self.other[columns[place] as usize * k..][..k];

        // Z = Q M^-1, some ratings at a time: factor by factor, their q are a tile's rows.
        let by_factor = &mut by_factor[..k * ROWS];
        for first in (0..columns.len()).step_by(ROWS) {
            by_factor.fill(0.0);
            for place in first..columns.len().min(first + ROWS) {
                let line = by_factor.chunks_exact_mut(ROWS).zip(q(place));
                line.for_each(|(line, &q)| line[place - first] = q);
            }
            for column in (0..stride).step_by(width::<S>()) {
                let sums = tile::product(simd, by_factor, ROWS, &inverse[column..], stride);
                for (line, sums) in z[first * stride..].chunks_exact_mut(stride).zip(&sums) {
                    line[column..][..width::<S>()].copy_from_slice(lanes::<S>(sums));
                }
            }
        }

        let n = columns.len();
        let n_padded = n.next_multiple_of(width::<S>());
        let mut targets = [0.0; PANEL];
        for (place, (&column, &stars)) in columns.iter().zip(stars).enumerate() {
            let Observation { weight, target } = (self.observe)(row, column, stars);
            targets[place] = target;
            let line = &mut system[place * n_padded..][..n];
            for (other, cell) in line.iter_mut().enumerate().skip(place) {
                *cell = cholesky::dot(&z[place * stride..][..k], q(other));
            }
            line[place] += weight.recip();
        }
        let x = &mut targets[..n];
        if !cholesky::solve(simd, system, n_padded, x) {
            return false;
        }
        factors.fill(0.0);
        for (z, &x) in z.chunks_exact(stride).zip(x.iter()) {
            factors.iter_mut().zip(z).for_each(|(factor, z)| *factor += x * z);
        }
        true
    }
}

/// What the rows with few ratings share: the inverse of base + ridge I, which depends on the number of ratings
/// alone.
pub(super) struct Prior {
    /// By number of ratings, n_factors x stride; `None` where no row needs it.
    inverses: Vec<Option<Vec<f32>>>,
}

impl Prior {
    /// Up to this share of the factors, ratings are few.
    const FEW: usize = 6;

    pub(super) fn of<O, R>(side: &Side<'_, O, R>) -> Result<Self, ()>
    where
        R: Fn(usize) -> f32 + Sync,
        O: Sync,
    {
        let most = (side.n_factors / Self::FEW).min(PANEL);
        let mut n_rows = vec![0usize; most + 1];
        for row in 0..side.matrix.n_rows() {
            if let Some(count) = n_rows.get_mut(side.matrix.columns(row).len()) {
                *count += 1;
            }
        }
        let inverses = n_rows.into_par_iter().enumerate().map(|(n_ratings, n_rows)| {
            // An inverse costs as much as some rows do.
            if n_ratings == 0 || n_rows < 16 {
                return Ok(None);
            }
            let ridge = (side.ridge)(n_ratings);
            Arch::new().dispatch(Inverse { base: side.base, ridge, k: side.n_factors }).map(Some).ok_or(())
        });
        Ok(Self { inverses: inverses.collect::<Result<_, _>>()? })
    }

    #[inline(always)]
    pub(super) fn inverse(&self, n_ratings: usize) -> Option<&[f32]> {
        self.inverses.get(n_ratings)?.as_deref()
    }
}

/// Inverts base + ridge I.
struct Inverse<'a> {
    base: Option<&'a [f32]>,
    ridge: f32,
    k: usize,
}

impl WithSimd for Inverse<'_> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { base, ridge, k } = self;
        let stride = k.next_multiple_of(width::<S>());
        let mut system = vec![0.0; stride * stride];
        begin(base, ridge, k, stride, &mut system);
        cholesky::invert(simd, &mut system, stride, k)
    }
}
