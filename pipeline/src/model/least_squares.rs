//! One half of an epoch of alternating least squares: all rows of one side are solved while the other side
//! is held (Zhou, Wilkinson, Schreiber, Pan: "Large-Scale Parallel Collaborative Filtering for the Netflix
//! Prize", AAIM 2008; Hu, Koren, Volinsky: "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008).
//!
//! Both models are trained by it; they differ in what they make of a rating. Rows are solved in parallel and
//! written to places of their own; no sum crosses rows but those of the Gram matrix, which are added in a fixed
//! order. So any number of threads gives the same bits.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::cholesky;
use crate::interactions::Csr;
use crate::tile::{self, ROWS, lanes, width};

/// Ratings whose factors are gathered at once: some tens of kilobytes, which a core's nearest caches hold.
const PANEL: usize = 128;
/// Rows that the Gram matrix takes together. Fixed, so that its sums have a fixed order.
const GRAM_ROWS: usize = 1024;

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
        let stride = whole_tiles(n_factors);
        let panel = vec![0.0; PANEL.max(stride) * stride];
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

impl<O, R> Side<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// By the system as it stands, k x k.
    #[inline(always)]
    fn solve_many<S: Simd>(
        &self,
        simd: S,
        row: usize,
        factors: &mut [f32],
        workspace: &mut Workspace,
    ) -> bool {
        let Workspace { stride, system, gathered, weighted } = workspace;
        let (k, stride) = (self.n_factors, *stride);
        let (columns, stars) = self.matrix.row(row);
        begin(self.base, (self.ridge)(columns.len()), k, stride, system);
        factors.fill(0.0);
        for (columns, stars) in columns.chunks(PANEL).zip(stars.chunks(PANEL)) {
            let gathered = &mut gathered[..columns.len() * stride];
            let weighted = &mut weighted[..columns.len() * stride];
            let places = gathered.chunks_exact_mut(stride).zip(weighted.chunks_exact_mut(stride));
            for ((&column, &stars), (plain, weighted)) in columns.iter().zip(stars).zip(places) {
                let Observation { weight, target } = (self.observe)(row, column, stars);
                let q = &self.other[column as usize * k..][..k];
                plain[..k].copy_from_slice(q);
                plain[k..].fill(0.0);
                weighted[k..].fill(0.0);
                for ((weighted, sum), q) in weighted.iter_mut().zip(factors.iter_mut()).zip(q) {
                    *weighted = weight * q;
                    *sum += weight * target * q;
                }
            }
            add_products(simd, weighted, gathered, stride, system);
        }
        cholesky::solve(simd, system, stride, factors)
    }

    /// By the system of the n ratings instead (Woodbury's identity): with M = base + ridge I and Q the n x k
    /// factors of the ratings,
    ///
    /// ```text
    /// p = M^-1 Q^T x,   (W^-1 + Q M^-1 Q^T) x = targets
    /// ```
    #[inline(always)]
    fn solve_few<S: Simd>(
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
struct Prior {
    /// By number of ratings, n_factors x stride; `None` where no row needs it.
    inverses: Vec<Option<Vec<f32>>>,
}

impl Prior {
    /// Up to this share of the factors, ratings are few.
    const FEW: usize = 6;

    fn of<O, R>(side: &Side<'_, O, R>) -> Result<Self, ()>
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
    fn inverse(&self, n_ratings: usize) -> Option<&[f32]> {
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

/// Adds `left^T right` to the upper triangle of a square, tile by tile; what lies below is of no meaning.
#[inline(always)]
fn add_products<S: Simd>(simd: S, left: &[f32], right: &[f32], stride: usize, square: &mut [f32]) {
    for i in (0..stride).step_by(ROWS) {
        // The tile that holds the diagonal is the first.
        for j in (i / width::<S>() * width::<S>()..stride).step_by(width::<S>()) {
            let sums = tile::product(simd, &left[i..], stride, &right[j..], stride);
            for (line, sums) in square[i * stride..].chunks_mut(stride).zip(&sums) {
                line[j..].iter_mut().zip(lanes::<S>(sums)).for_each(|(cell, sum)| *cell += sum);
            }
        }
    }
}

/// The Gram matrix of factors (n_rows x k, row-major), times a scale: k x k, upper triangle. Cost: n_rows *
/// k^2 / 2 multiplications.
pub(super) fn gram(factors: &[f32], k: usize, scale: f32) -> Vec<f32> {
    let parts: Vec<Vec<f32>> =
        factors.par_chunks(GRAM_ROWS * k).map(|rows| Arch::new().dispatch(GramPart { rows, k })).collect();
    let mut sum = vec![0.0f64; k * k];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    sum.into_iter().map(|sum| (sum * f64::from(scale)) as f32).collect()
}

/// The Gram matrix of some rows.
struct GramPart<'a> {
    rows: &'a [f32],
    k: usize,
}

impl WithSimd for GramPart<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { rows, k } = self;
        let stride = k.next_multiple_of(width::<S>());
        let mut padded = vec![0.0; rows.len() / k * stride];
        for (padded, row) in padded.chunks_exact_mut(stride).zip(rows.chunks_exact(k)) {
            padded[..k].copy_from_slice(row);
        }
        let mut square = vec![0.0; stride * stride];
        for panel in padded.chunks(PANEL * stride) {
            add_products(simd, panel, panel, stride, &mut square);
        }
        square.chunks_exact(stride).take(k).flat_map(|row| row[..k].to_vec()).collect()
    }
}

/// A number of factors, filled up to whole tiles of this machine.
fn whole_tiles(n_factors: usize) -> usize {
    struct Width;

    impl WithSimd for Width {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            width::<S>()
        }
    }

    n_factors.next_multiple_of(Arch::new().dispatch(Width))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_solved_row_satisfies_its_equations_by_a_slow_reference(
            k in 1usize..140,
            cells in prop::collection::btree_map((0u32..40, 0u32..300), 0.5f32..5.0, 1..500),
            seed in 0.1f32..1.0,
        ) {
            let rows: Vec<_> = cells.keys().map(|key| key.0).collect();
            let columns = cells.keys().map(|key| key.1).collect();
            let matrix = Csr::from_sorted(40, rows, columns, cells.values().copied().collect());
            let other: Vec<f32> = (0..300 * k).map(|x| (x as f32 * seed).sin()).collect();
            let base = gram(&other, k, 0.01);
            let side = Side {
                matrix: &matrix,
                other: &other,
                n_factors: k,
                base: Some(&base),
                observe: |row: usize, column: u32, stars: f32| Observation {
                    weight: 0.5 + stars,
                    target: (row + column as usize) as f32 * 0.01,
                },
                ridge: |n: usize| 1.0 + n as f32,
            };
            let mut factors = vec![7.0; 40 * k];
            prop_assert!(side.solve(&mut factors).is_ok());

            for (row, factors) in factors.chunks_exact(k).enumerate() {
                let (columns, stars) = matrix.row(row);
                if columns.is_empty() {
                    prop_assert!(factors.iter().all(|&factor| factor == 0.0));
                    continue;
                }
                // The gradient of the loss must vanish.
                let f64s = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
                let p = f64s(factors);
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let ridge = f64::from((side.ridge)(columns.len()));
                let mut gradient: Vec<f64> = p.iter().map(|p| ridge * p).collect();
                let mut scale = 1.0f64;
                for q in other.chunks_exact(k).map(f64s) {
                    let predicted = 0.01 * dot(&p, &q);
                    gradient.iter_mut().zip(&q).for_each(|(g, q)| *g += predicted * q);
                }
                for (&column, &stars) in columns.iter().zip(stars) {
                    let q = f64s(&other[column as usize * k..][..k]);
                    let Observation { weight, target } = (side.observe)(row, column, stars);
                    let error = f64::from(weight) * (dot(&p, &q) - f64::from(target));
                    scale = scale.max(f64::from(weight) * f64::from(target) * columns.len() as f64);
                    gradient.iter_mut().zip(&q).for_each(|(g, q)| *g += error * q);
                }
                for g in gradient {
                    prop_assert!(g.abs() < 1e-3 * scale, "gradient {g} at scale {scale}");
                }
            }
        }
    }
}
