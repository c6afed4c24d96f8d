//! The command line: the commands and their options, and the settings that these stand for.

#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod evaluate;
mod gate;
mod generations;
mod help;
mod place;
mod schedule;
mod shards;
mod verify;

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "cluster")]
pub(crate) use cluster::ClusterArgs;
pub(crate) use config::ConfigArgs;
pub(crate) use evaluate::EvaluateArgs;
use gate::GateArgs;
pub(crate) use generations::{DiffArgs, ListArgs, PinArgs, PruneArgs, RollbackArgs, UnpinArgs};
use interactions::Scale;
use models::{Objective, RankingSettings, RatingSettings, TrainSettings};
use pipeline::Error;
use pipeline::run::RunSettings;
use reading::{InputSettings, RatingsSource};
use sample::Shape;

use super::invocation::Invocation;
use place::PlaceArgs;
pub(crate) use schedule::{AS_RUN, ScheduleArgs};
use settings::LogFormat;

use shards::ShardsArgs;
pub(crate) use shards::{PartitionArgs, ShardArgs};
use store::{DenyList, Location};
use tracing::Level;
pub(crate) use verify::VerifyArgs;

/// Computes movie recommendations: reads ratings, trains a model, scores every unseen movie for every user, and
/// publishes the best movies of each user for the lookup server.
#[derive(Debug, Parser)]
#[command(
    name = "pipeline",
    version,
    args_conflicts_with_subcommands = true,
    help_template = help::TEMPLATE,
    after_help = help::overview()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The options of `run`, which is the default command.
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The settings file [default: recommender.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The number of threads; it does not change the result [default: cores]
    #[arg(long, global = true, value_name = "N")]
    #[arg(env = "RECOMMENDER__BATCH__THREADS")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Show no progress, and log only errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Log details; RUST_LOG selects them more finely
    #[arg(long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// The format of the log on standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    #[arg(env = "RECOMMENDER__LOG__FORMAT")]
    pub(crate) log_format: LogFormat,
}

impl Cli {
    /// Returns the repository that the command reads or writes, if it has one.
    pub(crate) fn output(&self) -> Option<&Location> {
        let place = match &self.command {
            None => &self.run.place,
            Some(Command::Run(args)) => &args.place,
            Some(Command::Schedule(args)) => &args.run.place,
            Some(Command::Shard(args)) => &args.place,
            Some(Command::Verify(args)) => &args.place,
            Some(Command::Generations(args)) => &args.place,
            Some(Command::Diff(args)) => &args.place,
            Some(Command::Rollback(args)) => &args.place,
            Some(Command::Pin(args)) => &args.place,
            Some(Command::Unpin(args)) => &args.place,
            Some(Command::Prune(args)) => &args.place,
            _ => return None,
        };
        Some(place.location())
    }

    /// Returns the log level that applies without `RUST_LOG`: events in a file, warnings on a terminal, where progress
    /// bars and the summary show the rest. A scheduler has neither, so it always logs events.
    pub(crate) fn default_level(&self) -> Level {
        let is_schedule = matches!(&self.command, Some(Command::Schedule(args)) if !args.as_run);
        match (self.global.quiet, self.global.verbose) {
            (true, _) => Level::ERROR,
            (false, true) => Level::DEBUG,
            (false, false) if is_schedule || !std::io::stderr().is_terminal() => Level::INFO,
            (false, false) => Level::WARN,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the batch and publish its lists (the default)
    #[command(after_help = "\
Examples:
  pipeline run --ratings r.csv --movies m.csv --output out
  pipeline run --json | jq .metrics               the account as JSON
  pipeline run --output s3://bucket/recs          publish to an object store
  pipeline run --force 'new catalog'              publish even if the gate refuses
  pipeline run --ratings s3://bucket/ratings --train-shards 8")]
    Run(RunArgs),
    /// Run the batch every day, or by a cron expression
    #[command(after_help = "\
Examples:
  pipeline schedule --cron '30 2 * * *' --time-zone Europe/Berlin --output out
  pipeline schedule --cron '0 */6 * * *' --next   print the next times")]
    Schedule(Box<ScheduleArgs>),
    /// Clean ratings and cut them into shards, of which runs can read a part
    #[command(after_help = "\
Example:
  pipeline partition --ratings r.csv --shards 64 --out s3://bucket/ratings")]
    Partition(PartitionArgs),
    /// Compute one shard of a run with --engine indexed
    #[command(after_help = "\
Example:
  pipeline shard --index 3 --output s3://bucket/recs")]
    Shard(ShardArgs),
    /// Run a process of a cluster that computes shards
    #[cfg(feature = "cluster")]
    #[command(after_help = "\
Examples:
  pipeline cluster scheduler --bind 10.0.0.1:50050
  pipeline cluster executor --scheduler 10.0.0.1:50050 --slots 8")]
    Cluster(ClusterArgs),
    /// Measure lists and predicted stars on held-out ratings; publish nothing
    #[command(after_help = "\
Examples:
  pipeline evaluate --ratings r.csv --splits 5
  pipeline evaluate --train a.csv --test b.csv --k 10,50 --json")]
    Evaluate(EvaluateArgs),
    /// Check the files of a generation, and score the lists of some users again
    #[command(after_help = "\
Example:
  pipeline verify --output out --users 1000")]
    Verify(VerifyArgs),
    /// List the generations with their states
    #[command(after_help = "\
Example:
  pipeline generations --output out")]
    Generations(ListArgs),
    /// Compare two generations: lists, movies, metrics
    #[command(after_help = "\
Example:
  pipeline diff 20261122T023000.125Z --output out")]
    Diff(DiffArgs),
    /// Publish an earlier generation again, or any other by its id
    #[command(after_help = "\
Examples:
  pipeline rollback --output out --reason 'odd titles'
  pipeline rollback 20261122T023000.125Z --output out")]
    Rollback(RollbackArgs),
    /// Keep a generation for good
    #[command(after_help = "\
Example:
  pipeline pin 20261122T023000.125Z --output out --reason 'reference'")]
    Pin(PinArgs),
    /// Remove the pin of a generation
    #[command(after_help = "\
Example:
  pipeline unpin 20261122T023000.125Z --output out")]
    Unpin(UnpinArgs),
    /// Remove old generations
    #[command(after_help = "\
Example:
  pipeline prune --output out --keep 7 --older-than 7d --dry-run")]
    Prune(PruneArgs),
    /// Print the settings in effect and their origins, or all defaults
    #[command(after_help = "\
Examples:
  pipeline config
  pipeline config --default > recommender.toml    a file to change")]
    Config(ConfigArgs),
    /// Generate data of any size in the format of MovieLens
    #[command(after_help = "\
Example:
  pipeline sample --users 600 --movies 2000 --ratings 40000 --out data/mine")]
    Sample(SampleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RatingsArgs {
    /// The ratings: a CSV file with the columns userId, movieId, rating and timestamp. A run also reads the shards of
    /// `pipeline partition`, in a directory or at s3://bucket/prefix
    #[arg(long, value_name = "FILE", default_value = "data/sample/ratings.csv")]
    #[arg(env = "RECOMMENDER__INPUT__RATINGS")]
    ratings: Location,
    /// The lowest rating; rows with a lower one are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().min, allow_negative_numbers = true)]
    #[arg(env = "RECOMMENDER__INPUT__MIN_RATING")]
    min_rating: f32,
    /// The highest rating; rows with a higher one are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().max, allow_negative_numbers = true)]
    #[arg(env = "RECOMMENDER__INPUT__MAX_RATING")]
    max_rating: f32,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The order of the lists: by the score of the ranking model, or by predicted stars
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Ranking)]
    #[arg(env = "RECOMMENDER__TRAINING__OBJECTIVE")]
    objective: ObjectiveArg,
    /// Latent factors of the ranking model [default: 256, or 128 from 5 million ratings on]
    #[arg(long, value_name = "K")]
    #[arg(env = "RECOMMENDER__TRAINING__FACTORS")]
    factors: Option<usize>,
    /// Passes of the ranking model over the ratings
    #[arg(long, value_name = "N", default_value_t = RankingSettings::default().epochs)]
    #[arg(env = "RECOMMENDER__TRAINING__EPOCHS")]
    epochs: usize,
    /// Regularization of the ranking model, as a share of the noise of the data
    #[arg(long, value_name = "X", default_value_t = RankingSettings::default().regularization)]
    #[arg(env = "RECOMMENDER__TRAINING__REGULARIZATION")]
    regularization: f32,
    /// The weight of a movie that the user has not rated; a rated one has weight 1
    #[arg(long, value_name = "X", default_value_t = RankingSettings::default().unobserved_weight)]
    #[arg(env = "RECOMMENDER__TRAINING__UNOBSERVED_WEIGHT")]
    unobserved_weight: f32,
    /// Latent factors of the rating model, at most 63
    #[arg(long, value_name = "K", default_value_t = RatingSettings::default().n_factors)]
    #[arg(env = "RECOMMENDER__TRAINING__RATING_FACTORS")]
    rating_factors: usize,
    /// Sweeps of the rating model's sampler [default: 100, fewer from 5 million ratings on, at least 20]
    #[arg(long, value_name = "N")]
    #[arg(env = "RECOMMENDER__TRAINING__RATING_SWEEPS")]
    rating_sweeps: Option<usize>,
    /// The seed of all random numbers: same input and seed, same lists
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    #[arg(env = "RECOMMENDER__TRAINING__SEED")]
    seed: u64,
}

/// The names of the objectives.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ObjectiveArg {
    Ranking,
    Rating,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// Train on the first T shards only, a sample of all users; the others are folded in. Needs ratings in shards
    /// [default: all]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
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
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(env = "RECOMMENDER__SCORING__N")]
    depth: usize,
    /// The number of similar movies of each movie
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(env = "RECOMMENDER__SCORING__SIMILAR")]
    similar: usize,
    /// The share of ratings held out to measure a model before the final one is trained; 0 measures nothing
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    #[arg(env = "RECOMMENDER__EVALUATION__TEST_FRACTION")]
    test_fraction: f64,
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

/// The number of shards in advice.
pub(crate) const N_SHARDS: u32 = 64;

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The number of users, each with 20 ratings or more
    #[arg(long, value_name = "U")]
    users: u32,
    /// The number of movies
    #[arg(long, value_name = "M")]
    movies: u32,
    /// The number of ratings
    #[arg(long, value_name = "R")]
    ratings: u64,
    /// The seed of all random numbers: same sizes and seed, same files
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// The share of invalid rows, of all kinds that occur in real data
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    dirt: f64,
    /// The directory for ratings.csv and movies.csv
    #[arg(long, visible_alias = "output", value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl RatingsArgs {
    fn scale(&self) -> Scale {
        Scale { min: self.min_rating, max: self.max_rating }
    }

    /// Returns the ratings as one file.
    ///
    /// # Errors
    /// [`Error::Setting`] if they are shards.
    fn file(self) -> Result<PathBuf, Error> {
        match RatingsSource::at(self.ratings, None) {
            RatingsSource::File(path) => Ok(path),
            RatingsSource::Shards { location, .. } => {
                let problem = "it is a directory or a bucket; give a CSV file".to_owned();
                Err(Error::Setting { name: "--ratings", value: location.to_string(), problem })
            }
        }
    }

    /// Returns the ratings, one file or shards, with the number of shards to train on.
    ///
    /// # Errors
    /// [`Error::Setting`] if that number is given for one file.
    fn source(self, n_trained: Option<u32>) -> Result<RatingsSource, Error> {
        match (RatingsSource::at(self.ratings, n_trained), n_trained) {
            (RatingsSource::File(path), Some(n)) if path.is_file() => {
                let (file, shards) = (path.display(), path.with_extension("shards"));
                let command = Invocation::of_process().pipeline([
                    &"partition",
                    &"--ratings",
                    &file,
                    &"--shards",
                    &N_SHARDS,
                    &"--out",
                    &shards.display(),
                ]);
                let problem = format!("{file} is one file; cut it, for example with `{command}`");
                Err(Error::Setting { name: "--train-shards", value: n.to_string(), problem })
            }
            (source, _) => Ok(source),
        }
    }
}

impl TrainArgs {
    fn settings(self, scale: Scale) -> TrainSettings {
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

impl RunArgs {
    /// Returns the settings that the options stand for.
    ///
    /// # Errors
    /// [`Error::Store`] if the deny list cannot be read; [`Error::Setting`] for options that exclude each other.
    pub(crate) fn settings(self) -> Result<RunSettings, Error> {
        let scale = self.ratings.scale();
        let ratings = self.ratings.source(self.train_shards)?;
        Ok(RunSettings {
            training: self.train.settings(scale),
            input: InputSettings { ratings, movies: self.movies },
            deny_list: self.deny_list.as_deref().map(DenyList::read).transpose()?,
            test_fraction: self.test_fraction,
            depth: self.depth,
            similar: self.similar,
            place: self.place.place(),
            bounds: self.gate.bounds(),
            force: self.gate.force,
            always: self.always,
            report: !self.no_report,
            shards: self.shards.settings(),
        })
    }
}

impl SampleArgs {
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            users: self.users,
            movies: self.movies,
            ratings: self.ratings,
            seed: self.seed,
            dirt: self.dirt,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_and_run_mean_the_same() {
        let alone = Cli::parse_from(["pipeline", "--depth", "7"]);
        assert!(alone.command.is_none());
        assert_eq!(alone.run.settings().unwrap().depth, 7);
        let Some(Command::Run(run)) = Cli::parse_from(["pipeline", "run", "--depth", "7"]).command else {
            panic!("`run` is a command");
        };
        assert_eq!(run.settings().unwrap().depth, 7);
    }

    #[test]
    fn shards_of_one_file_are_refused_with_the_command_that_cuts_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("my ratings.csv");
        std::fs::write(&file, "").unwrap();
        let words = ["pipeline", "--train-shards", "2", "--ratings"].map(std::ffi::OsStr::new);
        let cli = Cli::parse_from(words.into_iter().chain([file.as_os_str()]));
        let error = cli.run.settings().unwrap_err().to_string();
        let shards = file.with_extension("shards");
        let command =
            format!("partition --ratings '{}' --shards 64 --out '{}'`", file.display(), shards.display());
        assert!(error.contains("--train-shards") && error.ends_with(&command), "{error}");
    }
}
