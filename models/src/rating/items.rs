//! The rating model without its users: what the row of any user is folded in from.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use super::fold_in::{FoldIn, SHARED};
use super::model::predicted;
use super::standardizer::Standardizer;

/// The items of the rating model, and the terms that all users share. The bias and factors of any user follow
/// from the user's ratings ([`RatingItems::fold_in`]) with the same bits on every machine.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingItems {
    /// Numbers that all items share.
    pub terms: StarTerms,
    /// Bias of each item, in stars.
    pub item_bias: Vec<f32>,
    /// n_items x [`StarTerms::n_factors`], row-major.
    pub item_factors: Vec<f32>,
    /// n_items x [`StarTerms::payload_len`], row-major: what users are folded in from. For each segment of
    /// the chain it has rows of `width` numbers: the item's implicit factors, which its being rated adds to a
    /// user; its contribution to the implicit factors of its users; and, for each draw that is kept, its bias
    /// and factors.
    pub item_payload: Vec<f32>,
}

/// The terms of the rating model that do not belong to one user or item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StarTerms {
    /// Predicted rating of an item without ratings by a user without ratings, in stars.
    pub global_mean: f32,
    /// Mean of the stars of the training ratings.
    pub mean: f32,
    /// Standard deviation of the stars of the training ratings.
    pub deviation: f32,
    /// Rate of the Gamma prior of a user's precision.
    pub noise_rate: f32,
    /// Rank of a segment: its factors and the bias.
    pub rank: usize,
    /// Number of draws of the items that are kept of a segment.
    pub n_draws: usize,
    /// Length of a stored row of a segment: the rank, padded with zeros to 16, 32 or 64.
    pub width: usize,
    /// Terms of each segment of the chain.
    pub segments: Vec<SegmentTerms>,
    /// Bias and factors of a user without ratings, which are subtracted from those of all users: 1 +
    /// n_factors numbers.
    pub unknown_user: Vec<f32>,
    /// Bias and factors of an item without ratings, likewise.
    pub unknown_item: Vec<f32>,
}

/// The terms of users in a segment of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentTerms {
    /// Share of the kept sweeps that are in this segment, 0 to 1.
    pub share: f32,
    /// Prior mean of a user's own part, `width` standardized numbers.
    pub prior_mean: Vec<f32>,
    /// Prior precision of a user's own part, `width` numbers.
    pub prior_precision: Vec<f32>,
}

impl StarTerms {
    /// The number of factors of each user and item: those of each segment, and two for the rating that is requested.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.segments.len() * (self.rank - 1) + 2
    }

    /// The length of an item's payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.segments.len() * (SHARED + self.n_draws) * self.width
    }

    pub(super) fn standardizer(&self) -> Standardizer {
        Standardizer { mean: self.mean, deviation: self.deviation }
    }
}

impl RatingItems {
    /// Returns the bias of a user with these ratings, in stars, and writes the factors to `factors`
    /// (n_factors numbers). For a user without ratings all are zero. `is_trained` states whether the items
    /// were trained on this user's ratings, among others. Returns `None` if a number is not finite.
    ///
    /// Cost, for each draw that is kept: W^2 multiplications a rating, and some 4 W^3.
    pub fn fold_in(
        &self,
        items: &[u32],
        stars: &[f32],
        is_trained: bool,
        factors: &mut [f32],
    ) -> Option<f32> {
        if items.is_empty() {
            factors.fill(0.0);
            return Some(0.0);
        }
        let arch = Arch::new();
        let user = match self.terms.width {
            16 => arch.dispatch(FoldIn::<16> { items: self, rated: items, stars, is_trained }),
            32 => arch.dispatch(FoldIn::<32> { items: self, rated: items, stars, is_trained }),
            _ => arch.dispatch(FoldIn::<64> { items: self, rated: items, stars, is_trained }),
        }?;
        let StarTerms { deviation, unknown_user, unknown_item, .. } = &self.terms;
        let own: Vec<f32> = user.iter().zip(unknown_user).map(|(value, unknown)| value - unknown).collect();
        let (bias, own_factors) = own.split_first()?;
        let shared: f32 =
            own_factors.iter().zip(&unknown_item[1..]).map(|(own, unknown)| own * unknown).sum();
        factors.iter_mut().zip(own_factors).for_each(|(factor, own)| *factor = deviation * own);
        let bias = deviation * (bias + shared);
        (bias + factors.iter().sum::<f32>()).is_finite().then_some(bias)
    }

    /// The predicted rating of an item by a user with this bias and these factors, in stars, as
    /// [`RatingModel::predict`](super::RatingModel::predict) computes it.
    #[must_use]
    pub fn predict(&self, user_bias: f32, user_factors: &[f32], item: usize) -> f32 {
        let n_factors = self.terms.n_factors();
        let item = (self.item_bias[item], &self.item_factors[item * n_factors..][..n_factors]);
        predicted(self.terms.global_mean, (user_bias, user_factors), item)
    }

    /// Item factors (n_items x (n_factors + 1), row-major) that order items as predicted stars do. The last
    /// factor of an item is its bias, that of a user is 1. Terms that are the same for all items of a user
    /// are left out.
    pub(crate) fn ranking_factors(&self) -> Vec<f32> {
        let rows = self.item_factors.chunks_exact(self.terms.n_factors()).zip(&self.item_bias);
        rows.flat_map(|(row, &bias)| row.iter().copied().chain([bias])).collect()
    }
}
