//! Training of the rating model.

use indicatif::ProgressBar;

use super::least_squares::{Observation, Side};
use super::{Factorization, TrainSettings, biases, random_factors};
use crate::error::{Error, Result};
use crate::interactions::{Csr, Interactions};

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
        let users = Half {
            matrix: &interactions.by_user,
            global_mean: model.global_mean,
            bias: &model.user_bias,
            other_bias: &model.item_bias,
            other_factors: &model.item_factors,
        };
        users
            .solve(settings, &mut model.user_factors)
            .map_err(|()| Error::Diverged { epoch, what: "a user's factors" })?;
        let items = Half {
            matrix: &interactions.by_item,
            global_mean: model.global_mean,
            bias: &model.item_bias,
            other_bias: &model.user_bias,
            other_factors: &model.user_factors,
        };
        items
            .solve(settings, &mut model.item_factors)
            .map_err(|()| Error::Diverged { epoch, what: "an item's factors" })?;
        bar.inc(1);
    }
    Ok(model)
}

/// One half of an epoch: what the rows of `matrix` are solved by.
struct Half<'a> {
    matrix: &'a Csr,
    global_mean: f32,
    bias: &'a [f32],
    other_bias: &'a [f32],
    other_factors: &'a [f32],
}

impl Half<'_> {
    fn solve(&self, settings: &TrainSettings, factors: &mut [f32]) -> Result<(), ()> {
        let side = Side {
            matrix: self.matrix,
            other: self.other_factors,
            n_factors: settings.n_factors,
            base: None,
            observe: |row: usize, column: u32, stars: f32| Observation {
                weight: 1.0,
                target: stars - self.global_mean - self.bias[row] - self.other_bias[column as usize],
            },
            ridge: |n: usize| settings.regularization * (n as f32).sqrt(),
        };
        side.solve(factors)
    }
}
