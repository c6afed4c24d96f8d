//! The two models of a night, both of users' and items' latent factors.
//!
//! The *ranking* model says how likely a user is to take to a movie; it orders the lists. The *rating* model
//! says with how many stars; every stored movie carries its prediction, and with the objective `rating` it
//! orders the lists as well. Ordering by predicted stars makes poor lists (it favours what few have seen and
//! those few loved), which is why it is not the default.
//!
//! Training reads interactions by position; it knows neither identities nor how candidates are scored.

mod settings;
mod course;
mod rating;
mod ranking;
mod als;

use indicatif::ProgressBar;
use store::records::UserTerms;

use crate::error::Result;
use crate::interactions::Interactions;
pub use course::Course;
pub use ranking::RankingFactors;
pub use rating::RatingModel;
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
    pub course: Course,
}

impl Model {
    /// Trains what the settings ask for. `bar` counts epochs and sweeps.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, [`Error::Diverged`] and [`Error::SamplingDiverged`] when numbers
    /// stop being numbers.
    ///
    /// [`Error::Setting`]: crate::error::Error::Setting
    /// [`Error::Diverged`]: crate::error::Error::Diverged
    /// [`Error::SamplingDiverged`]: crate::error::Error::SamplingDiverged
    pub fn train(interactions: &Interactions, settings: &TrainSettings, bar: &ProgressBar) -> Result<Self> {
        settings.check()?;
        let rank = settings.objective == Objective::Ranking;
        let n_sweeps = settings.rating.n_sweeps_for(interactions);
        bar.set_length((n_sweeps + if rank { settings.ranking.epochs } else { 0 }) as u64);
        let mut course = Course::default();
        let rating = rating::fit(interactions, &settings.rating, settings.seed, bar, &mut course.rating)?;
        let (ranking, user_terms) = match settings.objective {
            Objective::Ranking => {
                let (factors, terms) = ranking::fit(interactions, settings, bar, &mut course.ranking)?;
                (factors, Some(terms))
            }
            Objective::Rating => (rating.ranking_factors(), None),
        };
        Ok(Self { ranking, user_terms, rating, course })
    }
}
