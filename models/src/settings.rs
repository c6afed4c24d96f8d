//! Settings of training. The defaults suit data of any size: what must depend on the size does.

use interactions::{Interactions, Scale};
use limits::Limits;
use serde::Serialize;

use crate::error::Result;

/// The quantity that orders the lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The score of the ranking model: how likely the user is to choose the movie.
    #[default]
    Ranking,
    /// The predicted rating.
    Rating,
}

/// Settings of both models.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TrainSettings {
    /// The quantity that orders the lists.
    pub objective: Objective,
    /// Settings of the ranking model.
    pub ranking: RankingSettings,
    /// Settings of the rating model.
    pub rating: RatingSettings,
    /// The rating scale, in stars.
    pub scale: Scale,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Settings of the ranking model. The objective is at `ranking::fit`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankingSettings {
    /// Latent factors of each user and item; `None` chooses by the number of ratings.
    pub n_factors: Option<usize>,
    /// Passes over the ratings. Each updates all users and then all items.
    pub epochs: usize,
    /// Strength of regularization, as a share of the largest singular value that as many random ratings would have.
    pub regularization: f32,
    /// Weight of an unrated movie; a rated one has weight 1.
    pub unobserved_weight: f32,
    /// A rating is weighted by its user's number of ratings to the power of minus this.
    pub activity_discount: f32,
    /// An unrated movie is weighted by its number of ratings to the power of this.
    pub popularity_emphasis: f32,
    /// Lower asymptote of the preference; the upper asymptote is 1. With the defaults half a star has the
    /// preference 0.142 and five stars 0.930. It is above 0 because the movie was chosen at all.
    pub floor: f32,
    /// Midpoint of the preference on the scale, 0 (fewest stars) to 1 (most stars).
    pub midpoint: f32,
    /// Steepness of the preference over the length of the scale.
    pub steepness: f32,
}

impl Default for RankingSettings {
    fn default() -> Self {
        Self {
            n_factors: None,
            epochs: 20,
            regularization: 0.125,
            unobserved_weight: 0.2,
            activity_discount: 0.25,
            popularity_emphasis: 0.1,
            floor: 0.1,
            midpoint: 0.55,
            steepness: 5.5,
        }
    }
}

/// Settings of the rating model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatingSettings {
    /// Latent factors of each user and item, in each sweep. Multiples of 16 less 1 are cheapest: the bias
    /// makes them whole.
    pub n_factors: usize,
    /// Sweeps of the sampler. Each draws all users and then all items. `None` chooses by the number of ratings.
    pub sweeps: Option<usize>,
}

impl Default for RatingSettings {
    fn default() -> Self {
        // Twice the factors reduce the error by a thousandth and take three times as long.
        Self { n_factors: 15, sweeps: None }
    }
}

impl TrainSettings {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::error::Error::Setting).
    pub fn check(&self) -> Result<()> {
        let Self { ranking, rating, scale, .. } = self;
        scale.check()?;
        RankingSettings::N_FACTORS.check("--factors", ranking.n_factors.unwrap_or(1))?;
        RatingSettings::N_FACTORS.check("--rating-factors", rating.n_factors)?;
        RankingSettings::EPOCHS.check("--epochs", ranking.epochs)?;
        RatingSettings::SWEEPS.check("--rating-sweeps", rating.sweeps.unwrap_or(1))?;
        RankingSettings::REGULARIZATION.check("--regularization", ranking.regularization)?;
        Ok(RankingSettings::UNOBSERVED_WEIGHT.check("--unobserved-weight", ranking.unobserved_weight)?)
    }
}

impl RankingSettings {
    /// The limits of [`n_factors`](Self::n_factors).
    pub const N_FACTORS: Limits<usize> = Limits::of(1, 1024);
    /// The limits of [`epochs`](Self::epochs).
    pub const EPOCHS: Limits<usize> = Limits::at_least(1);
    /// The limits of [`regularization`](Self::regularization).
    pub const REGULARIZATION: Limits<f32> = Limits::above(0.0);
    /// The limits of [`unobserved_weight`](Self::unobserved_weight).
    pub const UNOBSERVED_WEIGHT: Limits<f32> = Limits::above(0.0);

    /// The number of factors for some interactions. More factors make better lists, at a cost that grows with their
    /// square; so large data get fewer.
    pub(super) fn n_factors_for(&self, interactions: &Interactions) -> usize {
        const FEW_RATINGS: usize = 5_000_000;
        self.n_factors.unwrap_or(if interactions.by_user.n_cells() < FEW_RATINGS { 256 } else { 128 })
    }
}

impl RatingSettings {
    /// The limits of [`n_factors`](Self::n_factors).
    pub const N_FACTORS: Limits<usize> = Limits::of(1, 63);
    /// The limits of [`sweeps`](Self::sweeps).
    pub const SWEEPS: Limits<usize> = Limits::at_least(1);

    /// The number of sweeps for some interactions. More sweeps reduce the error, but large data need fewer.
    pub(super) fn n_sweeps_for(&self, interactions: &Interactions) -> usize {
        const RATINGS_IN_TOTAL: usize = 500_000_000;
        let affordable = RATINGS_IN_TOTAL / interactions.by_user.n_cells().max(1);
        self.sweeps.unwrap_or(affordable.clamp(20, 100))
    }
}
