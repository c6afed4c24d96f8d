//! The options of training.

use clap::{Args, ValueEnum};
use interactions::Scale;
use limits::Limits;
use models::{Objective, RankingSettings, RatingSettings, TrainSettings};
use settings::within;

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The order of the lists: by the score of the ranking model, or by predicted stars
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Ranking)]
    #[arg(env = "RECOMMENDER__TRAINING__OBJECTIVE")]
    objective: ObjectiveArg,
    /// Latent factors of the ranking model [default: 256, or 128 from 5 million ratings on]
    #[arg(long, value_name = "K", value_parser = within(RankingSettings::N_FACTORS))]
    #[arg(env = "RECOMMENDER__TRAINING__FACTORS")]
    factors: Option<usize>,
    /// Passes of the ranking model over the ratings
    #[arg(long, value_name = "N", default_value_t = RankingSettings::default().epochs)]
    #[arg(value_parser = within(RankingSettings::EPOCHS))]
    #[arg(env = "RECOMMENDER__TRAINING__EPOCHS")]
    epochs: usize,
    /// Regularization of the ranking model, as a share of the noise of the data
    #[arg(long, value_name = "X", default_value_t = RankingSettings::default().regularization)]
    #[arg(value_parser = within(RankingSettings::REGULARIZATION))]
    #[arg(env = "RECOMMENDER__TRAINING__REGULARIZATION")]
    regularization: f32,
    /// The weight of a movie that the user has not rated; a rated one has weight 1
    #[arg(long, value_name = "X", default_value_t = RankingSettings::default().unobserved_weight)]
    #[arg(value_parser = within(RankingSettings::UNOBSERVED_WEIGHT))]
    #[arg(env = "RECOMMENDER__TRAINING__UNOBSERVED_WEIGHT")]
    unobserved_weight: f32,
    /// Latent factors of the rating model, at most 63
    #[arg(long, value_name = "K", default_value_t = RatingSettings::default().n_factors)]
    #[arg(value_parser = within(RatingSettings::N_FACTORS))]
    #[arg(env = "RECOMMENDER__TRAINING__RATING_FACTORS")]
    rating_factors: usize,
    /// Sweeps of the rating model's sampler [default: 100, fewer from 5 million ratings on, at least 20]
    #[arg(long, value_name = "N", value_parser = within(RatingSettings::SWEEPS))]
    #[arg(env = "RECOMMENDER__TRAINING__RATING_SWEEPS")]
    rating_sweeps: Option<usize>,
    /// The seed of all random numbers: same input and seed, same lists
    #[arg(long, value_name = "SEED", default_value_t = 1, value_parser = within(Limits::<u64>::ANY))]
    #[arg(env = "RECOMMENDER__TRAINING__SEED")]
    seed: u64,
}

/// The names of the objectives.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ObjectiveArg {
    Ranking,
    Rating,
}

impl TrainArgs {
    pub(super) fn settings(self, scale: Scale) -> TrainSettings {
        TrainSettings {
            objective: match self.objective {
                ObjectiveArg::Ranking => Objective::Ranking,
                ObjectiveArg::Rating => Objective::Rating,
            },
            ranking: RankingSettings {
                n_factors: self.factors,
                epochs: self.epochs,
                regularization: self.regularization,
                unobserved_weight: self.unobserved_weight,
                ..RankingSettings::default()
            },
            rating: RatingSettings { n_factors: self.rating_factors, sweeps: self.rating_sweeps },
            scale,
            seed: self.seed,
        }
    }
}
