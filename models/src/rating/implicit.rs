//! The implicit factors of a side: what it says of a user to have rated a movie at all, and of a movie to have been
//! rated by a user (Koren: "Factorization Meets the Neighborhood", KDD 2008, whose y this is; Rendle, Zhang, Koren:
//! "On the Difficulty of Evaluating Baselines", 2019, for both sides).
//!
//! All rows share them, so they are drawn together: one system of as many unknowns as there are implicit factors,
//! solved by conjugate gradients. Products with its matrix run over the ratings and gather; nothing is scattered, so
//! threads leave no trace.

use rayon::prelude::*;

use super::random::{Draw, Streams};
use super::rows::product;
use super::side::{MIN_ROWS, Pending, Side};
use super::system::System;

/// Steps of the solver at most. It starts from the draw of the sweep before.
const STEPS: usize = 8;
/// How small a residual, relative to where it started, needs no further step.
const TOLERANCE: f64 = 1e-2;

/// Draws the implicit factors of a side, and adds up what they imply of each row. With Z a row's weight where a row
/// and a column have a rating, and V the precision of what a row says of them (L - L C L, with L the precision of the
/// row's prior and C its covariance), the draw y solves
///
/// ```text
/// (Z^T V Z + M) y = Z^T news + sqrt(M) e
/// ```
///
/// with M the precision of the implicit factors' prior and e standard normal; the news are perturbed already. As steps
/// are few and begin at the sweep before, this is the draw but for a small residual.
///
/// Cost: a step takes 2 W additions a rating and W^2 multiplications a row.
pub(super) fn draw<const W: usize>(
    side: &mut Side<'_, W>,
    pending: &[Pending<W>],
    streams: &Streams,
) -> Option<()> {
    let mut y = std::mem::take(&mut side.implicit_factors);
    let noise = |column| {
        let noise = side.implicit_prior.sample(&mut streams.of(Draw::ImplicitFactors, column));
        product(&side.implicit_prior.precision, &noise)
    };
    let (own, implicit) = (&side.prior.precision, &side.implicit_prior.precision);
    let system = System { side, pending, own, implicit };
    let mut told = system.solve(&mut y, noise, STEPS, TOLERANCE)?;
    told.par_iter_mut()
        .enumerate()
        .with_min_len(MIN_ROWS)
        .for_each(|(row, told)| *told = system.implied(row, &y));
    side.implied = told;
    side.implicit_factors = y;
    Some(())
}
