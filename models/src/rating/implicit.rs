//! The draw of a side's implicit factors: the part of a user that follows from which movies it has rated, and
//! the part of a movie that follows from which users have rated it (the y of Koren: "Factorization Meets the
//! Neighborhood", KDD 2008; for both sides: Rendle, Zhang, Koren: "On the Difficulty of Evaluating
//! Baselines", 2019).
//!
//! All rows share them, so they are drawn together: one system with a row of unknowns for each column, solved
//! by conjugate gradients. Products with its matrix gather over the ratings and scatter nothing, so any
//! number of threads gives the same bits.

use rayon::prelude::*;

use super::normal_equations::NormalEquations;
use super::random::{Draw, Streams};
use super::rows::{MIN_ROWS, product};
use super::side::{RowPosterior, Side};

/// Most steps of the solver. It starts from the draw of the previous sweep.
const STEPS: usize = 8;
/// Size of a residual, relative to the first, that needs no further step.
const TOLERANCE: f64 = 1e-2;

/// Draws the implicit factors of a side and sums up the implicit part of each row. The draw y solves
///
/// ```text
/// (Z^T V Z + M) y = Z^T rhs + sqrt(M) e
/// ```
///
/// with Z the weight of a row where the row and a column have a rating, V = L - L C L the marginal precision
/// of a row's data (L the precision of the row's prior, C its covariance), M the precision of the implicit
/// factors' prior and e standard normal. The right-hand sides of the rows are perturbed already. As the
/// solver takes few steps and starts at the previous sweep, the draw is exact but for a small residual.
/// Returns `None` if a number is not finite.
///
/// Cost: a step takes 2 W additions a rating and W^2 multiplications a row.
pub(super) fn draw<const W: usize>(
    side: &mut Side<'_, W>,
    posteriors: &[RowPosterior<W>],
    streams: &Streams,
) -> Option<()> {
    let mut y = std::mem::take(&mut side.implicit_factors);
    let noise = |column| {
        let noise = side.implicit_prior.sample(&mut streams.of(Draw::ImplicitFactors, column));
        product(&side.implicit_prior.precision, &noise)
    };
    let (row_precision, implicit_precision) = (&side.prior.precision, &side.implicit_prior.precision);
    let equations = NormalEquations { side, posteriors, row_precision, implicit_precision };
    let mut implicit_part = equations.solve(&mut y, noise, STEPS, TOLERANCE)?;
    implicit_part
        .par_iter_mut()
        .enumerate()
        .with_min_len(MIN_ROWS)
        .for_each(|(row, implicit_part)| *implicit_part = equations.implicit_part(row, &y));
    side.implicit_part = implicit_part;
    side.implicit_factors = y;
    Some(())
}
