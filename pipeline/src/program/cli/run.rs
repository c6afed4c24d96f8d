//! The options of `pipeline run`.

use std::path::PathBuf;

use clap::Args;
use limits::Limits;
use pipeline::Error;
use pipeline::run::RunSettings;
use reading::InputSettings;
use settings::within;
use store::DenyList;

use super::gate::GateArgs;
use super::place::PlaceArgs;
use super::ratings::RatingsArgs;
use super::relevance::RelevanceArgs;
use super::shards::ShardsArgs;
use super::train::TrainArgs;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// Train on the first T shards only, a sample of all users; the others are folded in. Needs ratings in shards
    /// [default: all]
    #[arg(long, value_name = "T", value_parser = within(Limits::<u32>::at_least(1)))]
    #[arg(env = "RECOMMENDER__INPUT__TRAIN_SHARDS")]
    train_shards: Option<u32>,
    /// The movies: a CSV file with the columns movieId, title and genres
    #[arg(long, value_name = "FILE", default_value = "data/sample/movies.csv")]
    #[arg(env = "RECOMMENDER__INPUT__MOVIES")]
    movies: PathBuf,
    /// The deny list: a file with a movie (`movie ID`) or a user (`user ID`) per line, and # comments. They are left
    /// out, and the gate checks that nothing of them is stored
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    deny_list: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The length of the list of each user
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = within(RunSettings::DEPTH))]
    #[arg(env = "RECOMMENDER__SCORING__N")]
    depth: usize,
    /// The number of similar movies of each movie
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = within(Limits::<usize>::ANY))]
    #[arg(env = "RECOMMENDER__SCORING__SIMILAR")]
    similar: usize,
    /// The share of ratings held out to measure a model before the final one is trained; 0 measures nothing
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = within(RunSettings::TEST_FRACTION))]
    #[arg(env = "RECOMMENDER__EVALUATION__TEST_FRACTION")]
    test_fraction: f64,
    #[command(flatten)]
    relevance: RelevanceArgs,
    #[command(flatten)]
    shards: ShardsArgs,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    gate: GateArgs,
    /// Run even if input, settings and program are the same as those of the published generation
    #[arg(long)]
    always: bool,
    /// Write no report, the HTML page about the run in the directory `reports` of the repository
    #[arg(long)]
    no_report: bool,
    /// Print the account of the run as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the outcome and the metrics of the run, also of a failed one, to this file for the textfile collector of
    /// Prometheus, such as batch.prom
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__BATCH__METRICS_FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

impl RunArgs {
    /// Checks the options against each other, without a look at files.
    ///
    /// # Errors
    /// [`Error::Setting`] for options that contradict each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.relevance.relevant_at.check(self.ratings.scale()?)?;
        self.shards.check(self.train_shards)?;
        self.gate.bounds().check()
    }

    /// Returns the settings that the options stand for.
    ///
    /// # Errors
    /// [`Error::Store`] if the deny list cannot be read; [`Error::Setting`] for options that exclude each other.
    pub(crate) fn settings(self) -> Result<RunSettings, Error> {
        self.check()?;
        let scale = self.ratings.scale()?;
        let ratings = self.ratings.source(self.train_shards)?;
        Ok(RunSettings {
            training: self.train.settings(scale),
            input: InputSettings { ratings, movies: self.movies },
            deny_list: self.deny_list.as_deref().map(DenyList::read).transpose()?,
            test_fraction: self.test_fraction,
            relevance: self.relevance.relevant_at,
            depth: self.depth,
            similar: self.similar,
            place: self.place.place(),
            bounds: self.gate.bounds(),
            hold_back: self.gate.holds_back(),
            force: self.gate.force,
            always: self.always,
            report: !self.no_report,
            shards: self.shards.settings(),
        })
    }
}
