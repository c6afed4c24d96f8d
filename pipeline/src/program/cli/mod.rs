//! The command line: the commands and their options, and the settings that these stand for.

#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod evaluate;
mod gate;
mod generations;
mod help;
mod place;
mod ratings;
mod relevance;
mod run;
mod sample;
mod schedule;
mod shards;
mod train;
mod verify;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use limits::Limits;
use settings::{LogFormat, within};
use store::Location;
use tracing::Level;

#[cfg(feature = "cluster")]
pub(crate) use cluster::ClusterArgs;
pub(crate) use config::ConfigArgs;
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use generations::{DiffArgs, ListArgs, PinArgs, PruneArgs, RollbackArgs, UnpinArgs};
pub(crate) use ratings::N_SHARDS;
pub(crate) use run::RunArgs;
pub(crate) use sample::SampleArgs;
pub(crate) use schedule::{AS_RUN, ScheduleArgs};
pub(crate) use shards::{PartitionArgs, ShardArgs};
pub(crate) use verify::VerifyArgs;

/// The limits of the number of threads: more than a machine has cores, and few enough for its memory.
const THREADS: Limits<usize> = Limits::of(1, 1024);

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
    #[arg(long, global = true, value_name = "N", value_parser = within(THREADS))]
    #[arg(env = "RECOMMENDER__BATCH__THREADS")]
    pub(crate) threads: Option<usize>,
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
}
