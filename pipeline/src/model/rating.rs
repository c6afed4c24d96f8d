//! The rating model: biased matrix factorisation by alternating least squares.
//!
//! The predicted rating of item i by user u, in stars, is
//!
//! ```text
//! r(u, i) = global_mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i]
//! ```
//!
//! (Koren, Bell, Volinsky: "Matrix Factorization Techniques for Recommender Systems", IEEE Computer 2009).

use indicatif::ProgressBar;

use super::least_squares::{Observation, Side};
use super::{RankingFactors, RatingSettings, biases, random_factors};
use crate::error::{Error, Result};
use crate::interactions::{Csr, Interactions};

/// A trained rating model.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingModel {
    /// Latent factors of each user and item.
    pub n_factors: usize,
    /// The mean of all ratings, in stars.
    pub global_mean: f32,
    /// By user, in stars.
    pub user_bias: Vec<f32>,
    /// By item, in stars.
    pub item_bias: Vec<f32>,
    /// n_users x n_factors, row-major.
    pub user_factors: Vec<f32>,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
}

impl RatingModel {
    /// The predicted rating in stars, not yet held to the scale. Cost: n_factors multiplications.
    #[must_use]
    pub fn predict(&self, user: usize, item: usize) -> f32 {
        let k = self.n_factors;
        let user_factors = &self.user_factors[user * k..][..k];
        let item_factors = &self.item_factors[item * k..][..k];
        let interaction: f32 = user_factors.iter().zip(item_factors).map(|(p, q)| p * q).sum();
        self.global_mean + self.user_bias[user] + self.item_bias[item] + interaction
    }

    /// The rating of an item by a user of whom nothing is known.
    #[must_use]
    pub fn predict_for_anyone(&self, item: usize) -> f32 {
        self.global_mean + self.item_bias[item]
    }

    /// The model as factors whose dot product orders a user's candidates as [`predict`] does: an item's last
    /// factor is its bias and a user's last is 1. What is the same for all items of a user (the mean and the
    /// user's bias) is left out.
    ///
    /// [`predict`]: RatingModel::predict
    pub(super) fn ranking_factors(&self) -> RankingFactors {
        let k = self.n_factors;
        let user_factors = self.user_factors.chunks_exact(k).flat_map(|row| row.iter().copied().chain([1.0]));
        let item_factors = self
            .item_factors
            .chunks_exact(k)
            .zip(&self.item_bias)
            .flat_map(|(row, &bias)| row.iter().copied().chain([bias]));
        RankingFactors {
            n_factors: k + 1,
            user_factors: user_factors.collect(),
            item_factors: item_factors.collect(),
        }
    }
}

/// Learns the model that minimises
///
/// ```text
/// sum over ratings of (r - r(u, i))^2
///   + regularization * (sum over u of sqrt(n(u)) |user_factors[u]|^2 + sum over i of sqrt(n(i)) |item_factors[i]|^2)
/// ```
///
/// where n counts the ratings behind a row. The biases are fitted first and then held. Users and items
/// without ratings keep factors of zero.
///
/// Cost of an epoch: n_ratings * k^2 multiplications, and (n_users + n_items) * k^3 / 6. Memory: the factors,
/// and 3 k^2 numbers a thread.
///
/// # Errors
/// [`Error::Diverged`] when numbers stop being numbers.
pub(super) fn fit(
    interactions: &Interactions,
    settings: &RatingSettings,
    seed: u64,
    bar: &ProgressBar,
) -> Result<RatingModel> {
    let k = settings.n_factors;
    let biases = biases::fit(interactions, settings);
    let mut model = RatingModel {
        n_factors: k,
        global_mean: biases.global_mean,
        user_bias: biases.user_bias,
        item_bias: biases.item_bias,
        user_factors: vec![0.0; interactions.n_users() * k],
        item_factors: random_factors(interactions.n_items(), k, seed)?,
    };
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
            .map_err(|()| Error::Diverged { epoch, what: "a user's rating factors" })?;
        let items = Half {
            matrix: &interactions.by_item,
            global_mean: model.global_mean,
            bias: &model.item_bias,
            other_bias: &model.user_bias,
            other_factors: &model.user_factors,
        };
        items
            .solve(settings, &mut model.item_factors)
            .map_err(|()| Error::Diverged { epoch, what: "an item's rating factors" })?;
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
    fn solve(&self, settings: &RatingSettings, factors: &mut [f32]) -> Result<(), ()> {
        let side = Side {
            matrix: self.matrix,
            other: self.other_factors,
            n_factors: settings.n_factors,
            base: None,
            observe: |row: usize, column: u32, stars: f32| Observation {
                weight: 1.0,
                target: stars - self.global_mean - self.bias[row] - self.other_bias[column as usize],
            },
            ridge: |n_ratings: usize| settings.regularization * (n_ratings as f32).sqrt(),
        };
        side.solve(factors)
    }
}
