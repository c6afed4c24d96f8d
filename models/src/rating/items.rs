//! The rating model without its users: what any user's row is formed from.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use super::Level;
use super::form::{Form, SHARED};

/// The side of items, and of users what they have in common. Any user's bias and factors follow from the ratings
/// ([`RatingItems::fold_in`]), here or on any other machine, to the bit.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingItems {
    /// What all items share.
    pub terms: StarTerms,
    /// By item, in stars.
    pub item_bias: Vec<f32>,
    /// n_items x [`StarTerms::n_factors`], row-major.
    pub item_factors: Vec<f32>,
    /// What users' rows are formed from: n_items x [`StarTerms::payload_len`], row-major. Of each stretch of the chain rows
    /// of `width` numbers: the item's implicit factors, those that its being rated adds to a user; what it tells the
    /// implicit factors of whoever has rated it; and, for each draw that is kept, its bias and factors.
    pub item_payload: Vec<f32>,
}

/// What the rating model's items share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StarTerms {
    /// What a user of whom nothing is known would give to a movie that nobody has rated, in stars.
    pub global_mean: f32,
    /// The mean of the stars that were learnt from ...
    pub mean: f32,
    /// ... and their standard deviation.
    pub deviation: f32,
    /// The rate of the Gamma prior of a user's precision.
    pub noise_rate: f32,
    /// The bias and the factors of a row in a stretch.
    pub depth: usize,
    /// Draws of items' rows that are kept of a stretch.
    pub n_draws: usize,
    /// Numbers that a row in a stretch is stored in: 16, 32 or 64, the last of which are zeros.
    pub width: usize,
    /// By stretch of the chain.
    pub segments: Vec<SegmentTerms>,
    /// The bias and the factors of a user without ratings, before all are told from them: 1 + n_factors numbers.
    pub unknown_user: Vec<f32>,
    /// The same of an item.
    pub unknown_item: Vec<f32>,
}

/// What is known of users in a stretch of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentTerms {
    /// The stretch's share of the sweeps.
    pub share: f32,
    /// The mean of a user's own part before any rating is known, `width` numbers.
    pub prior_mean: Vec<f32>,
    /// Its precision.
    pub prior_precision: Vec<f32>,
}

impl StarTerms {
    /// Factors of each user and item: those of each stretch, and two for the rating that is asked for.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.segments.len() * (self.depth - 1) + 2
    }

    /// Numbers that forming users needs of each item.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.segments.len() * (SHARED + self.n_draws) * self.width
    }

    pub(super) fn level(&self) -> Level {
        Level { mean: self.mean, deviation: self.deviation }
    }
}

impl RatingItems {
    /// The bias of a user with these ratings, and the factors into `factors` (n_factors numbers), in stars. Of a user
    /// without ratings all are zero. `is_trained` says whether the items were trained on this user's ratings, among others.
    /// `None` where numbers stop being numbers.
    ///
    /// Cost, of each draw that is kept: W^2 multiplications a rating, and some 4 W^3.
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
        let line = match self.terms.width {
            16 => arch.dispatch(Form::<16> { items: self, rated: items, stars, is_trained }),
            32 => arch.dispatch(Form::<32> { items: self, rated: items, stars, is_trained }),
            _ => arch.dispatch(Form::<64> { items: self, rated: items, stars, is_trained }),
        }?;
        let StarTerms { deviation, unknown_user, unknown_item, .. } = &self.terms;
        let own: Vec<f32> = line.iter().zip(unknown_user).map(|(value, unknown)| value - unknown).collect();
        let (bias, own_factors) = own.split_first()?;
        let shared: f32 =
            own_factors.iter().zip(&unknown_item[1..]).map(|(own, unknown)| own * unknown).sum();
        factors.iter_mut().zip(own_factors).for_each(|(factor, own)| *factor = deviation * own);
        let bias = deviation * (bias + shared);
        (bias + factors.iter().sum::<f32>()).is_finite().then_some(bias)
    }

    /// The rating of an item by a user with such a bias and factors, as
    /// [`RatingModel::predict`](super::RatingModel::predict) has it.
    #[must_use]
    pub fn predict(&self, user_bias: f32, user_factors: &[f32], item: usize) -> f32 {
        let k = self.terms.n_factors();
        let item = (self.item_bias[item], &self.item_factors[item * k..][..k]);
        super::predicted(self.terms.global_mean, (user_bias, user_factors), item)
    }

    /// Items' factors whose dot product with a user's, and 1 as the last of these, orders candidates as predicted
    /// stars do: the last factor of each is its bias. What is the same for all items of a user is left out.
    pub(crate) fn ranking_factors(&self) -> Vec<f32> {
        let rows = self.item_factors.chunks_exact(self.terms.n_factors()).zip(&self.item_bias);
        rows.flat_map(|(row, &bias)| row.iter().copied().chain([bias])).collect()
    }
}
