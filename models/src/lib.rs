//! The two models of a run. Both are latent factors of users and items.
//!
//! The *ranking* model predicts how likely a user is to choose a movie; it orders the lists. The *rating*
//! model predicts stars; every stored movie carries its prediction, and with the objective `rating` it orders
//! the lists as well. Ordering by predicted stars makes poor lists, because it favors movies with few and
//! high ratings. So it is not the default.
//!
//! Input: interactions by index, and settings. Output: factors. Training knows no keys and does not score candidates.

mod error;
mod settings;
mod training_curve;
mod rating;
mod ranking;
mod als;
mod items;

use indicatif::ProgressBar;
use store::records::UserTerms;

pub use ::ranking::RankingFactors;
pub use error::{Error, Result};
use interactions::Interactions;
pub use items::{ItemModel, UserFactors};
pub use rating::{RatingItems, RatingModel, SegmentTerms, StarTerms};
pub use settings::{Objective, RankingSettings, RatingSettings, TrainSettings};
pub use training_curve::TrainingCurve;

/// The trained models.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Factors that order the lists.
    pub ranking: RankingFactors,
    /// Terms for the fold-in of further users' ranking factors; `None` if predicted stars order the lists.
    pub user_terms: Option<UserTerms>,
    /// Predicts stars.
    pub rating: RatingModel,
    /// Training error by epoch and sweep.
    pub curve: TrainingCurve,
}

impl Model {
    /// Trains the items and then folds in all users. `bar` counts epochs and sweeps.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range; [`Error::Diverged`],
    /// [`Error::SamplingDiverged`] and [`Error::UserDiverged`] if a number is not finite.
    ///
    /// [`Error::Setting`]: crate::error::Error::Setting
    /// [`Error::Diverged`]: crate::error::Error::Diverged
    /// [`Error::SamplingDiverged`]: crate::error::Error::SamplingDiverged
    /// [`Error::UserDiverged`]: crate::error::Error::UserDiverged
    pub fn train(interactions: &Interactions, settings: &TrainSettings, bar: &ProgressBar) -> Result<Self> {
        let (items, curve) = ItemModel::train(interactions, settings, bar)?;
        items.with_users(&interactions.by_user, |_| true, curve)
    }
}
