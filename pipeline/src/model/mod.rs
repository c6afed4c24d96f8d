//! The rating model: biased matrix factorisation.
//!
//! The predicted rating of item i by user u, in stars, is
//!
//! ```text
//! r(u, i) = global_mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i]
//! ```
//!
//! (Koren, Bell, Volinsky: "Matrix Factorization Techniques for Recommender Systems", IEEE Computer 2009).
//! [`fit`] learns it from the interactions; ordering candidates by it is the scoring's matter.

mod als;
mod biases;
mod cholesky;
mod least_squares;

pub use als::fit;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// Latent factors of each user and item.
    pub n_factors: usize,
    /// Passes over the ratings, each of which solves all users and then all items.
    pub epochs: usize,
    /// The pull of factors towards zero, times the square root of the number of ratings behind them.
    pub regularization: f32,
    /// The pull of a user's bias towards zero, in ratings.
    pub user_bias_regularization: f32,
    /// The pull of an item's bias towards zero, in ratings.
    pub item_bias_regularization: f32,
    /// Where the random start comes from.
    pub seed: u64,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            n_factors: 16,
            epochs: 15,
            regularization: 2.0,
            user_bias_regularization: 5.0,
            item_bias_regularization: 3.0,
            seed: 1,
        }
    }
}

impl TrainSettings {
    /// Says which setting is out of its range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let not_negative = |value: f32| value >= 0.0 && value.is_finite();
        if !(1..=1024).contains(&self.n_factors) {
            return Err(Error::setting("--factors", self.n_factors, "it must be from 1 to 1024"));
        }
        if self.epochs == 0 {
            return Err(Error::setting("--epochs", self.epochs, "at least one epoch is needed"));
        }
        if !(self.regularization > 0.0 && self.regularization.is_finite()) {
            return Err(Error::setting("--regularization", self.regularization, "it must be above 0"));
        }
        if !not_negative(self.user_bias_regularization) || !not_negative(self.item_bias_regularization) {
            let value = format!("{} and {}", self.user_bias_regularization, self.item_bias_regularization);
            return Err(Error::setting("the regularization of biases", value, "neither may be below 0"));
        }
        Ok(())
    }
}

/// Where factors start: small enough that the first epoch decides, and never all alike.
fn random_factors(n: usize, seed: u64) -> Result<Vec<f32>> {
    let normal = Normal::new(0.0f32, 0.1)
        .map_err(|e| Error::Internal { what: "the random start", detail: e.to_string() })?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok((0..n).map(|_| normal.sample(&mut rng)).collect())
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Factorization {
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

impl Factorization {
    /// The predicted rating in stars, not yet held to the scale. Cost: n_factors multiplications.
    #[must_use]
    pub fn predict(&self, user: usize, item: usize) -> f32 {
        let k = self.n_factors;
        let user_factors = &self.user_factors[user * k..][..k];
        let item_factors = &self.item_factors[item * k..][..k];
        let interaction: f32 = user_factors.iter().zip(item_factors).map(|(p, q)| p * q).sum();
        self.global_mean + self.user_bias[user] + self.item_bias[item] + interaction
    }

    /// The model as plain factors whose dot product orders a user's candidates as [`predict`] does: an
    /// item's last factor is its bias and a user's last is 1. What is the same for all items of a user (the
    /// mean and the user's bias) is left out.
    ///
    /// [`predict`]: Factorization::predict
    #[must_use]
    pub fn ranking_factors(&self) -> RankingFactors {
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

/// Factors whose dot product is the score that orders a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RankingFactors {
    /// Factors of each user and item.
    pub n_factors: usize,
    /// n_users x n_factors, row-major.
    pub user_factors: Vec<f32>,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
}

impl RankingFactors {
    /// The factors of a user.
    #[must_use]
    pub fn user(&self, user: usize) -> &[f32] {
        &self.user_factors[user * self.n_factors..][..self.n_factors]
    }

    /// The factors of an item.
    #[must_use]
    pub fn item(&self, item: usize) -> &[f32] {
        &self.item_factors[item * self.n_factors..][..self.n_factors]
    }
}
