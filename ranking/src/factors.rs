//! Latent factors of users and items.

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
