//! How the models are trained. The defaults are meant for any data: what must follow its size does.

use interactions::Interactions;
use interactions::Scale;
use serde::Serialize;

use crate::error::{Error, Result};

/// What orders the lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// How likely the user is to take to the movie.
    #[default]
    Ranking,
    /// The stars that the user is predicted to give.
    Rating,
}

/// How both models are trained.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TrainSettings {
    /// What orders the lists.
    pub objective: Objective,
    /// The ranking model.
    pub ranking: RankingSettings,
    /// The rating model.
    pub rating: RatingSettings,
    /// The stars that a rating may have.
    pub scale: Scale,
    /// Where the random starts come from.
    pub seed: u64,
}

/// How the ranking model is trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankingSettings {
    /// Latent factors of each user and item; `None` takes what the size of the data affords.
    pub n_factors: Option<usize>,
    /// Passes over the ratings, each of which improves all users and then all items.
    pub epochs: usize,
    /// The pull of factors towards zero, as a share of the noise that as many ratings would make by chance.
    pub regularization: f32,
    /// How much a movie that a user has not rated counts, a rated one counting 1.
    pub unobserved_weight: f32,
    /// How much less each rating counts the more its user has: the exponent of their number is minus this.
    pub activity_discount: f32,
    /// How much more it counts that a movie is not rated the more have rated it: the exponent of their number.
    pub popularity_emphasis: f32,
    /// What the worst rating says for a movie, the best saying 1: that it was chosen at all.
    pub floor: f32,
    /// Where on the scale a rating begins to speak for a movie, as a share of its length.
    pub midpoint: f32,
    /// How sharply it does, over the length of the scale.
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

/// How the rating model is trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatingSettings {
    /// Latent factors of each user and item, in each sweep. With the bias, whole vectors of sixteen are cheapest.
    pub n_factors: usize,
    /// Sweeps of the sampler, each of which draws all users and then all items; `None` takes what the size of the
    /// data affords.
    pub sweeps: Option<usize>,
}

impl Default for RatingSettings {
    fn default() -> Self {
        // Twice the factors take a thousandth off the error, for three times the time.
        Self { n_factors: 15, sweeps: None }
    }
}

impl TrainSettings {
    /// Says which setting is out of its range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let Self { ranking, rating, scale, .. } = self;
        scale.check()?;
        n_factors("--factors", ranking.n_factors.unwrap_or(1), 1024)?;
        n_factors("--rating-factors", rating.n_factors, 63)?;
        epochs("--epochs", ranking.epochs)?;
        epochs("--rating-sweeps", rating.sweeps.unwrap_or(1))?;
        above_zero("--regularization", ranking.regularization)?;
        above_zero("--unobserved-weight", ranking.unobserved_weight)
    }
}

impl RankingSettings {
    /// The factors for some data: the more the better, at a cost that grows with their square; a night
    /// should not become a day.
    pub(super) fn n_factors_for(&self, interactions: &Interactions) -> usize {
        const FEW_RATINGS: usize = 5_000_000;
        self.n_factors.unwrap_or(if interactions.by_user.n_cells() < FEW_RATINGS { 256 } else { 128 })
    }
}

impl RatingSettings {
    /// The sweeps for some data: the more the better, but what more data need is less.
    pub(super) fn n_sweeps_for(&self, interactions: &Interactions) -> usize {
        const RATINGS_IN_ALL: usize = 500_000_000;
        let affordable = RATINGS_IN_ALL / interactions.by_user.n_cells().max(1);
        self.sweeps.unwrap_or(affordable.clamp(20, 100))
    }
}

fn n_factors(name: &'static str, value: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::setting(name, value, format!("it must be from 1 to {most}")))
    }
}

fn epochs(name: &'static str, value: usize) -> Result<()> {
    match value {
        0 => Err(Error::setting(name, value, "at least one epoch is needed")),
        _ => Ok(()),
    }
}

fn above_zero(name: &'static str, value: f32) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(Error::setting(name, value, "it must be above 0"))
    }
}
