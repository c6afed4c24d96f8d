//! Alternating least squares: with the items held fixed each user is a small linear system of its own,
//! and the other way round (Zhou, Wilkinson, Schreiber, Pan: "Large-Scale Parallel Collaborative Filtering
//! for the Netflix Prize", AAIM 2008).
//!
//! Rows are solved in parallel and written to places of their own; no sum crosses rows, so any number of
//! threads gives the same bits.

use indicatif::ProgressBar;
use pulp::Arch;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use rayon::prelude::*;

use super::{Factorization, TrainSettings, biases, cholesky};
use crate::error::{Error, Result};
use crate::interactions::{Csr, Interactions};

/// Ratings that are added to a system at once, so that its cells are read and written less often.
const PANEL: usize = 8;

/// Learns a [`Factorization`] that minimises
///
/// ```text
/// sum over ratings of (r - r(u, i))^2
///   + regularization * (sum over u of sqrt(n(u)) |user_factors[u]|^2 + sum over i of sqrt(n(i)) |item_factors[i]|^2)
/// ```
///
/// where n counts the ratings behind a row. The biases are fitted first and then held. Users and items
/// without ratings keep factors of zero.
///
/// Cost of an epoch: n_ratings * k^2 multiplications on either side, and (n_users + n_items) * k^3 / 3.
/// Memory: the factors, and k^2 numbers a thread. `bar` counts epochs.
///
/// # Errors
/// [`Error::Setting`] for settings out of range, [`Error::Diverged`] when numbers stop being numbers.
pub fn fit(
    interactions: &Interactions,
    settings: &TrainSettings,
    bar: &ProgressBar,
) -> Result<Factorization> {
    settings.check()?;
    let k = settings.n_factors;
    let biases = biases::fit(interactions, settings);
    let mut model = Factorization {
        n_factors: k,
        global_mean: biases.global_mean,
        user_bias: biases.user_bias,
        item_bias: biases.item_bias,
        user_factors: vec![0.0; interactions.n_users() * k],
        item_factors: random_factors(interactions.n_items() * k, settings.seed)?,
    };
    bar.set_length(settings.epochs as u64);
    for epoch in 1..=settings.epochs {
        let users = Side {
            matrix: &interactions.by_user,
            global_mean: model.global_mean,
            bias: &model.user_bias,
            other_bias: &model.item_bias,
            other_factors: &model.item_factors,
            regularization: settings.regularization,
        };
        users
            .solve(&mut model.user_factors)
            .map_err(|()| Error::Diverged { epoch, what: "a user's factors" })?;
        let items = Side {
            matrix: &interactions.by_item,
            global_mean: model.global_mean,
            bias: &model.item_bias,
            other_bias: &model.user_bias,
            other_factors: &model.user_factors,
            regularization: settings.regularization,
        };
        items
            .solve(&mut model.item_factors)
            .map_err(|()| Error::Diverged { epoch, what: "an item's factors" })?;
        bar.inc(1);
    }
    Ok(model)
}

/// Where the items start: small enough that the first epoch decides, and never all alike.
fn random_factors(n: usize, seed: u64) -> Result<Vec<f32>> {
    let normal = Normal::new(0.0f32, 0.1)
        .map_err(|e| Error::Internal { what: "the random start", detail: e.to_string() })?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok((0..n).map(|_| normal.sample(&mut rng)).collect())
}

/// One half of an epoch: the rows of `matrix` are solved while the other side is held.
struct Side<'a> {
    matrix: &'a Csr,
    global_mean: f32,
    bias: &'a [f32],
    other_bias: &'a [f32],
    other_factors: &'a [f32],
    regularization: f32,
}

impl Side<'_> {
    fn solve(&self, factors: &mut [f32]) -> Result<(), ()> {
        let k = factors.len() / self.matrix.n_rows().max(1);
        let arch = Arch::new();
        factors.par_chunks_exact_mut(k).enumerate().with_min_len(8).try_for_each_init(
            || vec![0.0; k * k],
            |system, (row, factors)| {
                arch.dispatch(
                    #[inline(always)]
                    || self.solve_row(row, factors, system),
                )
            },
        )
    }

    /// Poses and solves `(sum of q q^T + regularization * sqrt(n) I) p = sum of residual * q` over the n
    /// ratings of a row.
    #[inline(always)]
    fn solve_row(&self, row: usize, factors: &mut [f32], system: &mut [f32]) -> Result<(), ()> {
        let k = factors.len();
        let (columns, stars) = self.matrix.row(row);
        factors.fill(0.0);
        if columns.is_empty() {
            return Ok(());
        }
        system.fill(0.0);
        let level = self.global_mean + self.bias[row];
        for (columns, stars) in columns.chunks(PANEL).zip(stars.chunks(PANEL)) {
            // A panel that is not full adds rows of weight zero.
            let mut rows = [&self.other_factors[columns[0] as usize * k..][..k]; PANEL];
            let mut weights = [0.0; PANEL];
            let mut residuals = [0.0; PANEL];
            for (slot, (&column, &stars)) in columns.iter().zip(stars).enumerate() {
                rows[slot] = &self.other_factors[column as usize * k..][..k];
                weights[slot] = 1.0;
                residuals[slot] = stars - level - self.other_bias[column as usize];
            }
            for i in 0..k {
                let coefficients: [f32; PANEL] = std::array::from_fn(|slot| weights[slot] * rows[slot][i]);
                add_rows(&mut system[i * k + i..(i + 1) * k], &coefficients, &rows, i);
            }
            add_rows(factors, &residuals, &rows, 0);
        }
        let ridge = self.regularization * (columns.len() as f32).sqrt();
        for i in 0..k {
            system[i * k + i] += ridge;
        }
        if cholesky::solve(system, factors) && factors.iter().all(|factor| factor.is_finite()) {
            Ok(())
        } else {
            Err(())
        }
    }
}

/// Adds to `target` the weighted rows of a panel, each from position `from` on.
#[inline(always)]
fn add_rows(target: &mut [f32], weights: &[f32; PANEL], rows: &[&[f32]; PANEL], from: usize) {
    let n = target.len();
    let rows: [&[f32]; PANEL] = std::array::from_fn(|slot| &rows[slot][from..from + n]);
    for (j, cell) in target.iter_mut().enumerate() {
        let mut sum = 0.0;
        for slot in 0..PANEL {
            sum += weights[slot] * rows[slot][j];
        }
        *cell += sum;
    }
}
