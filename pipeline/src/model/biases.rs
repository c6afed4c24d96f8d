//! The part of a rating that is due to the user's and the item's level alone.

use rayon::prelude::*;

use super::RatingSettings;
use crate::interactions::{Csr, Interactions};

/// How often users and items are fitted to one another; more changes the fifth digit of the error.
const ROUNDS: usize = 10;

/// What [`fit`] finds, in stars.
pub(super) struct Biases {
    pub(super) global_mean: f32,
    pub(super) user_bias: Vec<f32>,
    pub(super) item_bias: Vec<f32>,
}

/// Fits the biases to the ratings in turn, items first, each a mean that is shrunk towards zero:
///
/// ```text
/// item_bias[i] = sum over users u of i of (r - global_mean - user_bias[u]) / (n(i) + regularization)
/// ```
///
/// and likewise for users. Sums run in f64 and in row order, so any number of threads gives the same bits.
pub(super) fn fit(interactions: &Interactions, settings: &RatingSettings) -> Biases {
    let n_ratings = interactions.by_user.n_cells();
    let sum: f64 = (0..interactions.n_users())
        .map(|user| interactions.by_user.row(user).1.iter().copied().map(f64::from).sum::<f64>())
        .sum();
    let global_mean = (sum / n_ratings.max(1) as f64) as f32;
    let mut user_bias = vec![0.0; interactions.n_users()];
    let mut item_bias = vec![0.0; interactions.n_items()];
    for _ in 0..ROUNDS {
        let side = Side { global_mean, regularization: settings.item_bias_regularization };
        side.solve(&interactions.by_item, &user_bias, &mut item_bias);
        let side = Side { global_mean, regularization: settings.user_bias_regularization };
        side.solve(&interactions.by_user, &item_bias, &mut user_bias);
    }
    Biases { global_mean, user_bias, item_bias }
}

struct Side {
    global_mean: f32,
    regularization: f32,
}

impl Side {
    fn solve(&self, matrix: &Csr, other: &[f32], biases: &mut [f32]) {
        biases.par_iter_mut().enumerate().with_min_len(64).for_each(|(row, bias)| {
            let (columns, stars) = matrix.row(row);
            let excess = columns
                .iter()
                .zip(stars)
                .map(|(&column, &stars)| f64::from(stars - self.global_mean - other[column as usize]))
                .sum::<f64>();
            let weight = columns.len() as f64 + f64::from(self.regularization);
            *bias = if columns.is_empty() { 0.0 } else { (excess / weight) as f32 };
        });
    }
}
