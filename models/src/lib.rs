//! The two models of a night, both of users' and items' latent factors.
//!
//! The *ranking* model says how likely a user is to take to a movie; it orders the lists. The *rating* model
//! says with how many stars; every stored movie carries its prediction, and with the objective `rating` it
//! orders the lists as well. Ordering by predicted stars makes poor lists (it favours what few have seen and
//! those few loved), which is why it is not the default.
//!
//! Training reads interactions by position; it knows neither identities nor how candidates are scored.

mod error;
mod settings;
mod course;
mod rating;
mod ranking;
mod als;
mod items;

use indicatif::ProgressBar;
use store::records::UserTerms;

pub use ::ranking::RankingFactors;
pub use course::TrainingCurve;
pub use error::{Error, Result};
use interactions::Interactions;
pub use items::{ItemModel, UserFactors};
pub use rating::{RatingItems, RatingModel, SegmentTerms, StarTerms};
pub use settings::{Objective, RankingSettings, RatingSettings, TrainSettings};

/// What a night has learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What orders the lists.
    pub ranking: RankingFactors,
    /// What ranking factors of further users are solved from; `None` where predicted stars order the lists.
    pub user_terms: Option<UserTerms>,
    /// What predicts stars.
    pub rating: RatingModel,
    /// How training went.
    pub curve: TrainingCurve,
}

impl Model {
    /// Trains what the settings ask for: first the items, of which then all users are formed. `bar` counts epochs and
    /// sweeps.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, [`Error::Diverged`], [`Error::SamplingDiverged`] and
    /// [`Error::UserDiverged`] when numbers stop being numbers.
    ///
    /// [`Error::Setting`]: crate::error::Error::Setting
    /// [`Error::Diverged`]: crate::error::Error::Diverged
    /// [`Error::SamplingDiverged`]: crate::error::Error::SamplingDiverged
    /// [`Error::UserDiverged`]: crate::error::Error::UserDiverged
    pub fn train(interactions: &Interactions, settings: &TrainSettings, bar: &ProgressBar) -> Result<Self> {
        let (items, course) = ItemModel::train(interactions, settings, bar)?;
        items.with_users(&interactions.by_user, |_| true, course)
    }
}
