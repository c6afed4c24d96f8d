//! The implicit factors of a side: what it says of a user to have rated a movie at all, and of a movie to have been
//! rated by a user (Koren: "Factorization Meets the Neighborhood", KDD 2008, whose y this is; Rendle, Zhang, Koren:
//! "On the Difficulty of Evaluating Baselines", 2019, for both sides).
//!
//! All rows share them, so they are drawn together: one system of as many unknowns as there are implicit factors,
//! solved by conjugate gradients. Products with its matrix run over the ratings and gather; nothing is scattered, so
//! threads leave no trace.

use pulp::Arch;
use rayon::prelude::*;

use super::random::{Draw, Streams};
use super::rows::{Rows, add, multiply};
use super::side::{Pending, Side, normal};

/// Steps of the solver at most. It starts from the draw of the sweep before.
const STEPS: usize = 8;
/// How small an error, relative to where it started, needs no further step.
const TOLERANCE: f64 = 1e-3;
/// Rows that a thread takes at a time.
const MIN_ROWS: usize = 16;

/// Draws the implicit factors of a side, and adds up what they imply of each row. With Z a row's weight where a row
/// and a column have a rating, and W what a row's news weighs (its prior's precision L less L C L, C being its
/// covariance), the draw y solves
///
/// ```text
/// (Z^T W Z + L_y) y = Z^T news + sqrt(L_y) e
/// ```
///
/// with L_y the precision of the implicit factors' prior and e standard normal. The news are perturbed already.
/// Cost: a step takes 2 n_factors additions a rating and n_factors^2 multiplications a row.
pub(super) fn draw(side: &mut Side<'_>, pending: &Pending, streams: &Streams) -> Option<()> {
    let mut y = std::mem::replace(&mut side.implicit_factors, Rows::zeros(0, 1));
    let system = System { side, pending };
    let mut told = Rows::zeros(side.ratings.n_rows(), side.depth);
    let preconditioner = system.diagonal(&mut told);

    // What is left of the right-hand side.
    system.tell(&y, &mut told, true);
    let mut rest = Rows::zeros(side.transposed.n_rows(), side.depth);
    system.gather(&told, &y, -1.0, &mut rest, |column, rest| {
        let mut stream = streams.of(Draw::ImplicitFactors, column);
        for (rest, precision) in rest[..side.depth].iter_mut().zip(&side.implicit_prior.precision) {
            *rest += precision.sqrt() * normal(&mut stream);
        }
    });
    let mut direction = rest.clone();
    divide(&mut direction, &preconditioner);
    let mut step = direction.clone();
    let mut error = rest.dot(&direction);
    let enough = error * TOLERANCE * TOLERANCE;
    let mut product = Rows::zeros(side.transposed.n_rows(), side.depth);
    for _ in 0..STEPS {
        if error <= enough {
            break;
        }
        system.tell(&direction, &mut told, false);
        system.gather(&told, &direction, 1.0, &mut product, |_, _| ());
        let length = (error / direction.dot(&product)) as f32;
        y.add(length, &direction);
        rest.add(-length, &product);
        step.clone_from(&rest);
        divide(&mut step, &preconditioner);
        let before = error;
        error = rest.dot(&step);
        let turn = (error / before) as f32;
        direction.par_iter_mut().zip(step.par_iter()).with_min_len(MIN_ROWS).for_each(|(direction, step)| {
            direction
                .iter_mut()
                .zip(step)
                .for_each(|(direction, step)| *direction = step + turn * *direction);
        });
    }
    system.imply(&y, &mut told);
    side.implied = told;
    side.implicit_factors = y;
    error.is_finite().then_some(())
}

fn divide(rows: &mut Rows, by: &Rows) {
    rows.par_iter_mut().zip(by.par_iter()).with_min_len(MIN_ROWS).for_each(|(row, by)| {
        row.iter_mut().zip(by).for_each(|(value, by)| *value /= by);
    });
}

struct System<'a, 'b> {
    side: &'a Side<'b>,
    pending: &'a Pending,
}

impl System<'_, '_> {
    /// `Z y`, by row.
    fn imply(&self, y: &Rows, implied: &mut Rows) {
        implied.par_iter_mut().enumerate().with_min_len(MIN_ROWS).for_each(|(row, implied)| {
            Arch::new().dispatch(|| self.imply_row(row, y, implied));
        });
    }

    #[inline(always)]
    fn imply_row(&self, row: usize, y: &Rows, implied: &mut [f32]) {
        implied.fill(0.0);
        for &column in self.side.ratings.columns(row) {
            add(implied, 1.0, y.row(column as usize));
        }
        implied.iter_mut().for_each(|value| *value *= self.side.weight[row]);
    }

    /// `W Z y`, by row, and weighed as what is gathered wants it; or the news less that.
    fn tell(&self, y: &Rows, told: &mut Rows, news: bool) {
        let Side { depth, weight, prior, .. } = self.side;
        let width = told.width();
        let known =
            self.pending.covariances.par_chunks_exact(depth * width).zip(self.pending.news.par_iter());
        told.par_iter_mut().zip(known).enumerate().with_min_len(MIN_ROWS).for_each_init(
            || vec![0.0; 2 * width],
            |scratch, (row, (told, (covariance, of_row)))| {
                if weight[row] == 0.0 {
                    return;
                }
                Arch::new().dispatch(|| {
                    let (implied, moved) = scratch.split_at_mut(width);
                    self.imply_row(row, y, implied);
                    implied
                        .iter_mut()
                        .zip(&prior.precision)
                        .for_each(|(value, precision)| *value *= precision);
                    multiply(covariance, implied, moved);
                    for place in 0..width {
                        let weighed = implied[place] - prior.precision[place] * moved[place];
                        told[place] = weight[row] * if news { of_row[place] - weighed } else { weighed };
                    }
                });
            },
        );
    }

    /// `Z^T told + sign L_y y`, by column, and what `more` does to it. A column that nobody has rated stays 0.
    fn gather(
        &self,
        told: &Rows,
        y: &Rows,
        sign: f32,
        out: &mut Rows,
        more: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let Side { transposed, implicit_prior, .. } = self.side;
        out.par_iter_mut().zip(y.par_iter()).enumerate().with_min_len(MIN_ROWS).for_each(
            |(column, (out, y))| {
                let rows = transposed.columns(column);
                if rows.is_empty() {
                    return;
                }
                Arch::new().dispatch(|| {
                    for ((out, y), precision) in out.iter_mut().zip(y).zip(&implicit_prior.precision) {
                        *out = sign * precision * y;
                    }
                    for &row in rows {
                        add(out, 1.0, told.row(row as usize));
                    }
                });
                more(column, out);
            },
        );
    }

    /// The diagonal of the system; `told` is scratch.
    fn diagonal(&self, told: &mut Rows) -> Rows {
        let Side { depth, weight, prior, transposed, .. } = self.side;
        let width = told.width();
        let covariances = self.pending.covariances.par_chunks_exact(depth * width);
        told.par_iter_mut().zip(covariances).zip(weight).with_min_len(MIN_ROWS).for_each(
            |((told, covariance), weight)| {
                for place in 0..*depth {
                    let precision = prior.precision[place];
                    told[place] =
                        weight * weight * precision * (1.0 - precision * covariance[place * width + place]);
                }
            },
        );
        let ones = {
            let mut ones = Rows::zeros(transposed.n_rows(), *depth);
            ones.iter_mut().for_each(|row| row.fill(1.0));
            ones
        };
        let mut diagonal = ones.clone();
        self.gather(told, &ones, 1.0, &mut diagonal, |_, _| ());
        diagonal
    }
}
