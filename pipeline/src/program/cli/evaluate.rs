//! The options of `pipeline evaluate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evaluation::{Cutoffs, EvaluationSettings, HeldOut, SplitRule};
use limits::Limits;
use pipeline::Error;
use settings::within;

use super::ratings::RatingsArgs;
use super::relevance::RelevanceArgs;
use super::train::TrainArgs;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// Accepted and ignored, so that the arguments of `run` can be used
    #[arg(long, value_name = "FILE", hide = true)]
    movies: Option<PathBuf>,
    /// The choice of the held-out ratings
    #[arg(long, value_enum, value_name = "HOW", default_value_t = SplitBy::Random)]
    split: SplitBy,
    /// The share of ratings held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = within(EvaluationSettings::TEST_FRACTION))]
    test_fraction: f64,
    /// The number of random splits, with the seeds SEED, SEED + 1 and so on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within(EvaluationSettings::N_SPLITS))]
    splits: u64,
    /// Train on this file and measure on the file of --test, instead of a split of --ratings
    #[arg(
        long = "train", value_name = "FILE", requires = "test",
        conflicts_with_all = ["ratings", "split", "test_fraction", "splits"]
    )]
    train: Option<PathBuf>,
    /// The held-out ratings for --train; no rating may be in both
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Train the items on this share of the users and fold in the others, as `run --train-shards` does
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = within(EvaluationSettings::TRAIN_USERS))]
    train_users: f64,
    /// The lengths at which lists are measured
    #[arg(long, value_name = "K,...", value_delimiter = ',', default_value = "10,20,100")]
    #[arg(value_parser = within(Limits::<usize>::at_least(1)))]
    k: Vec<usize>,
    #[command(flatten)]
    relevance: RelevanceArgs,
    #[command(flatten)]
    training: TrainArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// The choice of the held-out ratings.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SplitBy {
    /// A share of all ratings, at random
    Random,
    /// A share of the ratings of each user, the newest; at random among ratings of the same time
    Newest,
}

impl EvaluateArgs {
    /// Returns the settings that the options stand for.
    ///
    /// # Errors
    /// [`Error::Setting`] if the ratings are not a file or the scale is empty; [`Error::Evaluation`] for invalid list
    /// lengths.
    pub(crate) fn settings(self) -> Result<EvaluationSettings, Error> {
        let scale = self.ratings.scale()?;
        let held_out = match (self.train, self.test) {
            (Some(train), Some(test)) => HeldOut::Files { train, test },
            _ => HeldOut::Share {
                ratings: self.ratings.file()?,
                by: match self.split {
                    SplitBy::Random => SplitRule::Random,
                    SplitBy::Newest => SplitRule::Newest,
                },
                test_fraction: self.test_fraction,
                n_splits: self.splits,
            },
        };
        Ok(EvaluationSettings {
            held_out,
            training: self.training.settings(scale),
            train_users: self.train_users,
            cutoffs: Cutoffs::new(&self.k)?,
            relevance: self.relevance.relevant_at,
        })
    }
}
