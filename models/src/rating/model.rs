//! The trained rating model and its predictions.

/// A trained rating model.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingModel {
    /// Latent factors of each user and item.
    pub n_factors: usize,
    /// Predicted rating of an item without ratings by a user without ratings, in stars.
    pub global_mean: f32,
    /// Bias of each user, in stars.
    pub user_bias: Vec<f32>,
    /// Bias of each item, in stars.
    pub item_bias: Vec<f32>,
    /// n_users x n_factors, row-major.
    pub user_factors: Vec<f32>,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
}

impl RatingModel {
    /// The predicted rating in stars, not clamped to the scale. Cost: n_factors multiplications.
    #[must_use]
    pub fn predict(&self, user: usize, item: usize) -> f32 {
        let n_factors = self.n_factors;
        let user_factors = &self.user_factors[user * n_factors..][..n_factors];
        let item_factors = &self.item_factors[item * n_factors..][..n_factors];
        predicted(
            self.global_mean,
            (self.user_bias[user], user_factors),
            (self.item_bias[item], item_factors),
        )
    }

    /// The predicted rating of an item by a user without ratings, in stars.
    #[must_use]
    pub fn predict_for_unknown_user(&self, item: usize) -> f32 {
        self.global_mean + self.item_bias[item]
    }
}

/// The predicted rating in stars, from the bias and factors of a user and of an item.
pub(super) fn predicted(global_mean: f32, user: (f32, &[f32]), item: (f32, &[f32])) -> f32 {
    let interaction: f32 = user.1.iter().zip(item.1).map(|(p, q)| p * q).sum();
    global_mean + user.0 + item.0 + interaction
}
