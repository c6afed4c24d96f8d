//! The equations of a side's implicit factors, which all its rows share: products with their matrix, and the solver.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::rows::{Row, add, dot_all, multiply, plus, product};
use super::side::{MIN_ROWS, Pending, Side};

/// The equations of [`implicit::draw`](super::implicit::draw).
pub(super) struct System<'a, 'b, const W: usize> {
    pub(super) side: &'a Side<'b, W>,
    pub(super) pending: &'a [Pending<W>],
    /// The precisions of the prior of rows' own parts: L.
    pub(super) own: &'a Row<W>,
    /// Those of the prior of implicit factors: M.
    pub(super) implicit: &'a Row<W>,
}

impl<const W: usize> System<'_, '_, W> {
    /// Takes y towards the solution, the right-hand side being the news and `noise` by column. Returns what rows were
    /// last asked for.
    pub(super) fn solve(
        &self,
        y: &mut [Row<W>],
        noise: impl Fn(usize) -> Row<W> + Sync,
        steps: usize,
        tolerance: f64,
    ) -> Option<Vec<Row<W>>> {
        let side = self.side;
        let jacobi = self.diagonal();
        let mut told = vec![[0.0; W]; self.pending.len()];

        // What is left of the right-hand side, and what the preconditioner makes of it.
        let mut residual = vec![[0.0; W]; y.len()];
        self.tell(y, Told::NewsLess, &mut told);
        self.gather(&told, y, -1.0, &mut residual);
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
            self.tell(&direction, Told::Alone, &mut told);
            self.gather(&told, &direction, 1.0, &mut image);
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
        size.is_finite().then_some(told)
    }
}

/// What rows tell: `V Z y`, or their news less that.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Alone,
    NewsLess,
}

impl<const W: usize> System<'_, '_, W> {
    /// What implicit factors imply of a row.
    pub(super) fn implied(&self, row: usize, y: &[Row<W>]) -> Row<W> {
        Arch::new().dispatch(Implied { side: self.side, row, y })
    }

    /// What each row tells, times its weight.
    pub(super) fn tell(&self, y: &[Row<W>], what: Told, told: &mut [Row<W>]) {
        let rows = told.par_iter_mut().zip(self.pending).enumerate().with_min_len(MIN_ROWS);
        rows.for_each(|(row, (told, pending))| {
            if self.side.weight[row] > 0.0 {
                *told = Arch::new().dispatch(Tell { side: self.side, own: self.own, pending, row, y, what });
            }
        });
    }

    /// `Z^T told + sign M y`, by column; `told` has the weights in it. A column without ratings stays 0.
    fn gather(&self, told: &[Row<W>], y: &[Row<W>], sign: f32, out: &mut [Row<W>]) {
        let Side { transposed, .. } = self.side;
        out.par_iter_mut().zip(y).enumerate().with_min_len(MIN_ROWS).for_each(|(column, (out, y))| {
            let rows = transposed.columns(column);
            if !rows.is_empty() {
                let sum = Arch::new().dispatch(Sum { rows: told, places: rows });
                *out = plus(sum, sign, &product(self.implicit, y));
            }
        });
    }

    /// The Jacobi preconditioner: one over the diagonal of the matrix.
    fn diagonal(&self) -> Vec<Row<W>> {
        let Side { weight, transposed, .. } = self.side;
        let of_row = |(pending, &weight): (&Pending<W>, &f32)| {
            std::array::from_fn(|place| {
                let precision = self.own[place];
                weight * weight * precision * (1.0 - precision * pending.covariance[place][place])
            })
        };
        let told: Vec<_> = self.pending.par_iter().zip(weight).map(of_row).collect();
        let ones = vec![[1.0; W]; transposed.n_rows()];
        let mut diagonal = ones.clone();
        self.gather(&told, &ones, 1.0, &mut diagonal);
        diagonal.par_iter_mut().for_each(|row| row.iter_mut().for_each(|value| *value = value.recip()));
        diagonal
    }
}

/// A sum of rows, with the vectors of the machine.
struct Sum<'a, const W: usize> {
    rows: &'a [Row<W>],
    places: &'a [u32],
}

impl<const W: usize> WithSimd for Sum<'_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let mut sum = [0.0; W];
        for &place in self.places {
            add(simd, &mut sum, 1.0, &self.rows[place as usize]);
        }
        sum
    }
}

/// What implicit factors imply of a row (`Z y`), with the vectors of the machine.
struct Implied<'a, 'b, const W: usize> {
    side: &'a Side<'b, W>,
    row: usize,
    y: &'a [Row<W>],
}

impl<const W: usize> WithSimd for Implied<'_, '_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { side, row, y } = self;
        let sum = Sum { rows: y, places: side.ratings.columns(row) }.with_simd(simd);
        product(&sum, &[side.weight[row]; W])
    }
}

/// What a row tells, with the vectors of the machine.
struct Tell<'a, 'b, const W: usize> {
    side: &'a Side<'b, W>,
    own: &'a Row<W>,
    pending: &'a Pending<W>,
    row: usize,
    y: &'a [Row<W>],
    what: Told,
}

impl<const W: usize> WithSimd for Tell<'_, '_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { side, own, pending, row, y, what } = self;
        let pulled = product(own, &Implied { side, row, y }.with_simd(simd));
        let explained = product(own, &multiply(simd, &pending.covariance, &pulled));
        let told = match what {
            Told::Alone => plus(pulled, -1.0, &explained),
            Told::NewsLess => plus(plus(pending.news, -1.0, &pulled), 1.0, &explained),
        };
        product(&told, &[side.weight[row]; W])
    }
}
