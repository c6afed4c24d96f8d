//! The normal equations of a side's implicit factors, which all its rows share: products with their matrix,
//! and the solver. The other solvers by conjugate gradients are in `als::row` (rows of the ranking model) and
//! `ranking::fold_in`.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::rows::{MIN_ROWS, Row, add, dot_all, multiply, plus, product};
use super::side::{RowPosterior, Side};

/// The equations of [`implicit::draw`](super::implicit::draw): `(Z^T V Z + M) y = Z^T rhs + noise`.
pub(super) struct NormalEquations<'a, 'b, const W: usize> {
    pub(super) side: &'a Side<'b, W>,
    /// Covariance and right-hand side of each row.
    pub(super) posteriors: &'a [RowPosterior<W>],
    /// L: the precision of the prior of rows' own parts.
    pub(super) row_precision: &'a Row<W>,
    /// M: the precision of the prior of implicit factors.
    pub(super) implicit_precision: &'a Row<W>,
}

/// The term of a row in a product or a residual.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowTerm {
    /// `V Z y`.
    Product,
    /// `rhs - V Z y`.
    Residual,
}

impl<const W: usize> NormalEquations<'_, '_, W> {
    /// Solves for y by conjugate gradients with a Jacobi preconditioner, from the y that is given. `noise` is
    /// the part of the right-hand side by column. Returns a table of one row a row of the side as scratch for
    /// the caller, or `None` if a number is not finite.
    pub(super) fn solve(
        &self,
        y: &mut [Row<W>],
        noise: impl Fn(usize) -> Row<W> + Sync,
        steps: usize,
        tolerance: f64,
    ) -> Option<Vec<Row<W>>> {
        let side = self.side;
        let jacobi = self.jacobi();
        let mut terms = vec![[0.0; W]; self.posteriors.len()];

        let mut residual = vec![[0.0; W]; y.len()];
        self.row_terms(y, RowTerm::Residual, &mut terms);
        self.gather(&terms, y, -1.0, &mut residual);
        residual.par_iter_mut().enumerate().with_min_len(MIN_ROWS).for_each(|(column, residual)| {
            if !side.transposed.columns(column).is_empty() {
                *residual = plus(*residual, 1.0, &noise(column));
            }
        });
        let mut scaled: Vec<_> =
            residual.par_iter().zip(&jacobi).map(|(residual, jacobi)| product(residual, jacobi)).collect();
        let mut direction = scaled.clone();
        let mut image = vec![[0.0; W]; y.len()];
        let mut size = dot_all(&residual, &scaled);
        let small_enough = size * tolerance * tolerance;
        for _ in 0..steps {
            if size <= small_enough {
                break;
            }
            self.row_terms(&direction, RowTerm::Product, &mut terms);
            self.gather(&terms, &direction, 1.0, &mut image);
            let step = (size / dot_all(&direction, &image)) as f32;
            let rows =
                y.par_iter_mut().zip(&mut residual).zip(&mut scaled).zip(&direction).zip(&image).zip(&jacobi);
            rows.with_min_len(MIN_ROWS).for_each(
                |(((((y, residual), scaled), direction), image), jacobi)| {
                    *y = plus(*y, step, direction);
                    *residual = plus(*residual, -step, image);
                    *scaled = product(residual, jacobi);
                },
            );
            let before = std::mem::replace(&mut size, dot_all(&residual, &scaled));
            let conjugation = (size / before) as f32;
            direction.par_iter_mut().zip(&scaled).with_min_len(MIN_ROWS).for_each(|(direction, scaled)| {
                *direction = plus(*scaled, conjugation, direction);
            });
        }
        size.is_finite().then_some(terms)
    }

    /// The implicit part of a row: its row of `Z y`.
    pub(super) fn implicit_part(&self, row: usize, y: &[Row<W>]) -> Row<W> {
        Arch::new().dispatch(ImplicitPart { side: self.side, row, y })
    }

    /// Computes the term of each row, times the row's weight. A row without ratings is left as it is.
    pub(super) fn row_terms(&self, y: &[Row<W>], term: RowTerm, terms: &mut [Row<W>]) {
        let rows = terms.par_iter_mut().zip(self.posteriors).enumerate().with_min_len(MIN_ROWS);
        rows.for_each(|(row, (value, posterior))| {
            if self.side.weight[row] > 0.0 {
                let row_precision = self.row_precision;
                *value = Arch::new().dispatch(ComputeTerm {
                    side: self.side,
                    row_precision,
                    posterior,
                    row,
                    y,
                    term,
                });
            }
        });
    }

    /// `Z^T terms + sign M y`, by column; `terms` have the weights in them. A column without ratings is left
    /// as it is.
    fn gather(&self, terms: &[Row<W>], y: &[Row<W>], sign: f32, out: &mut [Row<W>]) {
        let Side { transposed, .. } = self.side;
        out.par_iter_mut().zip(y).enumerate().with_min_len(MIN_ROWS).for_each(|(column, (out, y))| {
            let rows = transposed.columns(column);
            if !rows.is_empty() {
                let sum = Arch::new().dispatch(SumRows { table: terms, rows });
                *out = plus(sum, sign, &product(self.implicit_precision, y));
            }
        });
    }

    /// The Jacobi preconditioner: one over the diagonal of the matrix.
    fn jacobi(&self) -> Vec<Row<W>> {
        let Side { weight, transposed, .. } = self.side;
        let of_row = |(posterior, &weight): (&RowPosterior<W>, &f32)| {
            std::array::from_fn(|place| {
                let precision = self.row_precision[place];
                weight * weight * precision * (1.0 - precision * posterior.covariance[place][place])
            })
        };
        let terms: Vec<_> = self.posteriors.par_iter().zip(weight).map(of_row).collect();
        let ones = vec![[1.0; W]; transposed.n_rows()];
        let mut diagonal = ones.clone();
        self.gather(&terms, &ones, 1.0, &mut diagonal);
        diagonal.par_iter_mut().for_each(|row| row.iter_mut().for_each(|value| *value = value.recip()));
        diagonal
    }
}

/// The sum of some rows of a table, with the vectors of the machine.
struct SumRows<'a, const W: usize> {
    table: &'a [Row<W>],
    rows: &'a [u32],
}

impl<const W: usize> WithSimd for SumRows<'_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let mut sum = [0.0; W];
        for &row in self.rows {
            add(simd, &mut sum, 1.0, &self.table[row as usize]);
        }
        sum
    }
}

/// The implicit part of a row, with the vectors of the machine.
struct ImplicitPart<'a, 'b, const W: usize> {
    side: &'a Side<'b, W>,
    row: usize,
    y: &'a [Row<W>],
}

impl<const W: usize> WithSimd for ImplicitPart<'_, '_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { side, row, y } = self;
        let sum = SumRows { table: y, rows: side.ratings.columns(row) }.with_simd(simd);
        product(&sum, &[side.weight[row]; W])
    }
}

/// The term of a row times its weight, with the vectors of the machine.
struct ComputeTerm<'a, 'b, const W: usize> {
    side: &'a Side<'b, W>,
    row_precision: &'a Row<W>,
    posterior: &'a RowPosterior<W>,
    row: usize,
    y: &'a [Row<W>],
    term: RowTerm,
}

impl<const W: usize> WithSimd for ComputeTerm<'_, '_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { side, row_precision, posterior, row, y, term } = self;
        // V Z y = L Z y - L C L Z y.
        let pulled = product(row_precision, &ImplicitPart { side, row, y }.with_simd(simd));
        let explained = product(row_precision, &multiply(simd, &posterior.covariance, &pulled));
        let term = match term {
            RowTerm::Product => plus(pulled, -1.0, &explained),
            RowTerm::Residual => plus(plus(posterior.rhs, -1.0, &pulled), 1.0, &explained),
        };
        product(&term, &[side.weight[row]; W])
    }
}
