//! The commands and their options, as a person types them.

#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod evaluate;
mod gate;
mod generations;
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

use place::PlaceArgs;
pub(crate) use schedule::{AS_RUN, ScheduleArgs};
use settings::LogFormat;

use shards::ShardsArgs;
pub(crate) use shards::{PartitionArgs, ShardArgs};
use store::{DenyList, Location};
use tracing::Level;
pub(crate) use verify::VerifyArgs;

/// Precomputes movie recommendations: reads ratings, trains a model, scores every unseen movie for every
/// user and publishes the best of each for the lookup server.
#[derive(Debug, Parser)]
#[command(
    name = "pipeline",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  pipeline                                          run on data/sample, publish to output
  pipeline run --ratings r.csv --movies m.csv --output out
  pipeline run --json | jq .metrics                 the run's account for a program
  pipeline evaluate --ratings r.csv --splits 5      how good its lists and predicted stars are
  pipeline evaluate --train a.csv --test b.csv --k 10,50 --json
  pipeline run --output s3://bucket/recs            publish to an object store
  pipeline run --force 'new catalogue'              publish even what the gate refuses, and say why
  pipeline partition --shards 64 --out s3://bucket/ratings
  pipeline run --ratings s3://bucket/ratings --train-shards 8
  pipeline schedule --cron '30 2 * * *' --time-zone Europe/Berlin
  pipeline verify --output out                      proves the published lists by scoring again
  pipeline generations                              what is published and what else there is
  pipeline diff 20261122T023000.125Z                what tonight's lists changed
  pipeline rollback                                 publish the generation before again
  pipeline config --default > recommender.toml      a file with all settings, to change them
  pipeline sample --users 600 --movies 2000 --ratings 40000 --out data/mine

Settings come from recommender.toml, or what --config names; over it from the environment
(RECOMMENDER__SCORING__N=50 for n in [scoring]), and over both from the options.

An object store takes its credentials from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION; AWS_ENDPOINT for another than Amazon's (with AWS_ALLOW_HTTP=true if it has no TLS).

Exit codes: 0 done, 1 failed or found wrong, 2 wrong usage, 3 made but refused by the gate,
4 another run holds the lock, or published first."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// What `pipeline` without a command does.
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The file with the settings [default: recommender.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Threads to work with [default: one a core]. The result is the same with any number
    #[arg(long, global = true, value_name = "N")]
    #[arg(env = "RECOMMENDER__BATCH__THREADS")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Show no progress, and of the log only errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Log what is done in detail; RUST_LOG says it more finely
    #[arg(long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// What the log on standard error looks like
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    #[arg(env = "RECOMMENDER__LOG__FORMAT")]
    pub(crate) log_format: LogFormat,
}

impl Cli {
    /// How much is logged where `RUST_LOG` says nothing: to a file events, to a person at a terminal warnings, for there
    /// are the bars and the summary; but a schedule has none of its own to say what it does.
    pub(crate) fn usual_level(&self) -> Level {
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
    /// Run the batch and publish its lists (what `pipeline` alone does)
    Run(RunArgs),
    /// Run the batch every night, or whenever a cron expression says
    Schedule(Box<ScheduleArgs>),
    /// Clean ratings and cut them into shards, for runs that need not read them all
    Partition(PartitionArgs),
    /// Compute one shard of a run that was started with --engine indexed
    Shard(ShardArgs),
    /// Be a part of a cluster that computes the shards of runs
    #[cfg(feature = "cluster")]
    Cluster(ClusterArgs),
    /// Measure lists and predicted stars on held-out ratings, publish nothing
    Evaluate(EvaluateArgs),
    /// Check a generation: its files, and by scoring again the lists of some users
    Verify(VerifyArgs),
    /// List the generations: which is published, and what became of the others
    Generations(ListArgs),
    /// Say what two generations differ in: lists, movies, metrics
    Diff(DiffArgs),
    /// Publish an earlier generation again (or any other, by its id)
    Rollback(RollbackArgs),
    /// Keep a generation for good
    Pin(PinArgs),
    /// Take a pin away again
    Unpin(UnpinArgs),
    /// Remove generations that are no longer needed
    Prune(PruneArgs),
    /// Show the settings that hold and where each was made, or all there are
    Config(ConfigArgs),
    /// Make MovieLens-shaped data of any size
    Sample(SampleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RatingsArgs {
    /// The ratings: CSV with the columns userId, movieId, rating and timestamp. A run also takes what `pipeline partition`
    /// has made of it, a directory or s3://bucket/prefix
    #[arg(long, value_name = "FILE", default_value = "data/sample/ratings.csv")]
    #[arg(env = "RECOMMENDER__INPUT__RATINGS")]
    ratings: Location,
    /// The fewest stars a rating may have; rows with fewer are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().min, allow_negative_numbers = true)]
    #[arg(env = "RECOMMENDER__INPUT__MIN_RATING")]
    min_rating: f32,
    /// The most stars a rating may have; rows with more are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().max, allow_negative_numbers = true)]
    #[arg(env = "RECOMMENDER__INPUT__MAX_RATING")]
    max_rating: f32,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// What orders the lists: how likely the user is to take to a movie, or the predicted stars
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Ranking)]
    #[arg(env = "RECOMMENDER__TRAINING__OBJECTIVE")]
    objective: ObjectiveArg,
    /// Latent factors of the ranking model [default: 256, or 128 from 5 million ratings on]
    #[arg(long, value_name = "K")]
    #[arg(env = "RECOMMENDER__TRAINING__FACTORS")]
    factors: Option<usize>,
    /// Passes over the ratings of the ranking model
    #[arg(long, value_name = "N", default_value_t = RankingSettings::default().epochs)]
    #[arg(env = "RECOMMENDER__TRAINING__EPOCHS")]
    epochs: usize,
    /// The pull of the ranking model's factors towards zero, as a share of the data's noise
    #[arg(long, value_name = "X", default_value_t = RankingSettings::default().regularization)]
    #[arg(env = "RECOMMENDER__TRAINING__REGULARIZATION")]
    regularization: f32,
    /// How much a movie counts that a user has not rated, a rated one counting 1
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
    /// Where all randomness comes from: same input and seed, same lists
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    #[arg(env = "RECOMMENDER__TRAINING__SEED")]
    seed: u64,
}

/// The objectives as words of the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ObjectiveArg {
    Ranking,
    Rating,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// Of ratings that are cut into shards, train on the first T alone, a sample of all users; the others are formed of
    /// what was learnt [default: all]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(env = "RECOMMENDER__INPUT__TRAIN_SHARDS")]
    train_shards: Option<u32>,
    /// The movies: CSV with the columns movieId, title and genres
    #[arg(long, value_name = "FILE", default_value = "data/sample/movies.csv")]
    #[arg(env = "RECOMMENDER__INPUT__MOVIES")]
    movies: PathBuf,
    /// Leave out what this file names, and prove it absent: a movie (`movie ID`) or a user (`user ID`) a line, and
    /// # comments
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    deny_list: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    /// How many movies to store for each user
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(env = "RECOMMENDER__SCORING__N")]
    depth: usize,
    /// How many similar movies to store for each movie
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(env = "RECOMMENDER__SCORING__SIMILAR")]
    similar: usize,
    /// The share of ratings held out to measure the model before the real one is trained; 0 skips it
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    #[arg(env = "RECOMMENDER__EVALUATION__TEST_FRACTION")]
    test_fraction: f64,
    #[command(flatten)]
    shards: ShardsArgs,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    gate: GateArgs,
    /// Run even if input, settings and program are those of the published generation
    #[arg(long)]
    always: bool,
    /// Write no report: the page about the night, for people, in the directory `reports` beside the generations
    #[arg(long)]
    no_report: bool,
    /// Print the run's account as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Say for Prometheus what came of it, whatever that is: a file for the textfile collector, such as batch.prom
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__BATCH__METRICS_FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Users, each with 20 ratings or more
    #[arg(long, value_name = "U")]
    users: u32,
    /// Movies
    #[arg(long, value_name = "M")]
    movies: u32,
    /// Ratings
    #[arg(long, value_name = "R")]
    ratings: u64,
    /// Where all randomness comes from: same sizes and seed, same files
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// The share of dirty rows, of every kind that real data has
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    dirt: f64,
    /// Where to write ratings.csv and movies.csv
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl RatingsArgs {
    fn scale(&self) -> Scale {
        Scale { min: self.min_rating, max: self.max_rating }
    }

    /// The ratings as one file.
    ///
    /// # Errors
    /// [`Error::Setting`] for shards.
    fn file(self) -> Result<PathBuf, Error> {
        match RatingsSource::at(self.ratings, None) {
            RatingsSource::File(path) => Ok(path),
            RatingsSource::Shards { location, .. } => {
                let problem = "it is a directory or a bucket; give a CSV file".to_owned();
                Err(Error::Setting { name: "--ratings", value: location.to_string(), problem })
            }
        }
    }

    /// The ratings, as one file or in shards of which so many are trained on.
    ///
    /// # Errors
    /// [`Error::Setting`] where they are a file and only shards can be counted.
    fn source(self, n_trained: Option<u32>) -> Result<RatingsSource, Error> {
        match (RatingsSource::at(self.ratings, n_trained), n_trained) {
            (RatingsSource::File(path), Some(n)) if path.is_file() => {
                let problem = format!("{} is one file; cut it with `pipeline partition`", path.display());
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
    /// Where generations go.
    pub(crate) fn location(&self) -> &Location {
        self.place.location()
    }

    /// What the options ask for.
    ///
    /// # Errors
    /// Those of [`DenyList::read`]; [`Error::Setting`] for what does not go together.
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
    fn no_words_and_run_mean_the_same() {
        let alone = Cli::parse_from(["pipeline", "--depth", "7"]);
        assert!(alone.command.is_none());
        assert_eq!(alone.run.settings().unwrap().depth, 7);
        let Some(Command::Run(run)) = Cli::parse_from(["pipeline", "run", "--depth", "7"]).command else {
            panic!("`run` is a command");
        };
        assert_eq!(run.settings().unwrap().depth, 7);
    }
}
