//! One side's part of a sweep: everything of this side is drawn while the other side is fixed.
//!
//! A draw from a normal distribution is made by solving a least-squares problem with perturbed data: each
//! rating by an error of its own size, each prior mean by its spread (Papandreou, Yuille: "Gaussian Sampling
//! by Local Perturbations", NIPS 2010). So implicit factors, which all rows of a side share, are drawn by the
//! same equations as a row's own part, with the own parts integrated out.

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::implicit;
use super::prior::Prior;
use super::random::{Draw, Streams, normal};
use super::rows::{MIN_ROWS, Row, Square, add, invert, multiply, plus, product};
use super::side::{RowPosterior, Side};

/// The fixed side of a Gibbs step, and its random numbers.
pub(super) struct GibbsStep<'a, const W: usize, Z, P> {
    /// The other side's rows.
    pub(super) other: &'a [Row<W>],
    /// Standardizes a rating: stars to standard deviations above the mean.
    pub(super) standardize: Z,
    /// The precision of a rating, by row and column.
    pub(super) precision: P,
    pub(super) streams: &'a Streams,
}

impl<const W: usize, Z, P> GibbsStep<'_, W, Z, P>
where
    Z: Fn(f32) -> f32 + Sync,
    P: Fn(usize, u32) -> f32 + Sync,
{
    /// Draws a side: its implicit factors, its rows, its priors. `posteriors` is scratch of at least as many rows.
    /// Returns `None` if a number is not finite.
    ///
    /// Cost: W^2 multiplications a rating, W^3 a row, and those of [`implicit::draw`].
    pub(super) fn draw(&self, side: &mut Side<'_, W>, posteriors: &mut [RowPosterior<W>]) -> Option<()> {
        let posteriors = &mut posteriors[..side.rows.len()];
        side.sampling_prior = side.prior.clone();
        self.draw_without_implicit(side, posteriors)?;
        implicit::draw(side, posteriors, self.streams)?;
        add_implicit_part(side, posteriors);
        let mut stream = self.streams.of(Draw::Hyperparameters, 0);
        let own = |row: usize| {
            let own = plus(side.rows[row], -1.0, &side.implicit_part[row]);
            (side.weight[row] > 0.0).then_some(own)
        };
        side.prior.draw(side.rows.len(), own, &mut stream)?;
        let implicit = |row| (!side.transposed.columns(row).is_empty()).then_some(side.implicit_factors[row]);
        side.implicit_prior.draw_precision(side.implicit_factors.len(), implicit, &mut stream)
    }

    /// Draws rows as if their implicit parts were zero: a ridge regression for each row.
    fn draw_without_implicit(
        &self,
        side: &mut Side<'_, W>,
        posteriors: &mut [RowPosterior<W>],
    ) -> Option<()> {
        let Side { ratings, prior, rows, expected, .. } = side;
        let (ratings, prior) = (&**ratings, &*prior);
        let drawn = rows.par_iter_mut().zip(expected).zip(posteriors).enumerate();
        drawn.with_min_len(MIN_ROWS).try_for_each(|(row, ((drawn, expected), posterior))| {
            let draw = DrawRow { ratings, step: self, prior, row, posterior };
            [*drawn, *expected] = Arch::new().dispatch(draw)?;
            Some(())
        })
    }
}

/// Moves rows by the effect of their implicit parts, which have changed their prior means.
fn add_implicit_part<const W: usize>(side: &mut Side<'_, W>, posteriors: &[RowPosterior<W>]) {
    let drawn = side.rows.par_iter_mut().zip(&mut side.expected).zip(&side.implicit_part).zip(posteriors);
    drawn.zip(&side.weight).with_min_len(MIN_ROWS).for_each(
        |((((drawn, expected), implicit_part), posterior), &weight)| {
            if weight > 0.0 {
                let moved = Arch::new().dispatch(Multiply {
                    matrix: &posterior.covariance,
                    row: product(implicit_part, &side.prior.precision),
                });
                *drawn = plus(*drawn, 1.0, &moved);
                *expected = plus(*expected, 1.0, &moved);
            }
        },
    );
}

/// Draws a row from its ratings and its prior, with the vectors of the machine. The result is the draw and its mean.
struct DrawRow<'a, 'b, const W: usize, Z, P> {
    ratings: &'a Csr,
    step: &'a GibbsStep<'b, W, Z, P>,
    prior: &'a Prior<W>,
    row: usize,
    posterior: &'a mut RowPosterior<W>,
}

impl<const W: usize, Z, P> WithSimd for DrawRow<'_, '_, W, Z, P>
where
    Z: Fn(f32) -> f32,
    P: Fn(usize, u32) -> f32,
{
    type Output = Option<[Row<W>; 2]>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { ratings, step, prior, row, posterior } = self;
        let (columns, stars) = ratings.row(row);
        if columns.is_empty() {
            // Nothing depends on this row.
            return Some([prior.mean; 2]);
        }
        let mut stream = step.streams.of(Draw::Factors, row);
        let matrix = &mut posterior.covariance;
        matrix.fill([0.0; W]);
        let (mut observed, mut perturbed) = ([0.0; W], [0.0; W]);
        for (&column, &stars) in columns.iter().zip(stars) {
            // The row's bias has a regressor of 1; the other side's bias is subtracted from the rating.
            let other = &step.other[column as usize];
            let rest = (step.standardize)(stars) - other[0];
            let regressors = std::array::from_fn(|place| if place == 0 { 1.0 } else { other[place] });
            let precision = (step.precision)(row, column);
            add(simd, &mut observed, precision * rest, &regressors);
            add(simd, &mut perturbed, precision * rest + precision.sqrt() * normal(&mut stream), &regressors);
            for (line, &regressor) in matrix.iter_mut().zip(&regressors) {
                add(simd, line, precision * regressor, &regressors);
            }
        }
        let start = prior.sample(&mut stream);
        add(simd, &mut observed, 1.0, &product(&prior.precision, &prior.mean));
        add(simd, &mut perturbed, 1.0, &product(&prior.precision, &start));
        for (place, line) in matrix.iter_mut().enumerate() {
            line[place] += prior.precision[place];
        }
        if !invert(simd, matrix) {
            return None;
        }
        let drawn = multiply(simd, matrix, &perturbed);
        posterior.rhs = product(&plus(drawn, -1.0, &start), &prior.precision);
        drawn.iter().sum::<f32>().is_finite().then(|| [drawn, multiply(simd, matrix, &observed)])
    }
}

/// A symmetric matrix times a row, with the vectors of the machine.
struct Multiply<'a, const W: usize> {
    matrix: &'a Square<W>,
    row: Row<W>,
}

impl<const W: usize> WithSimd for Multiply<'_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        multiply(simd, self.matrix, &self.row)
    }
}
