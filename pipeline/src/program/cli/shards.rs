//! The options of `partition` and `shard`, and those of a run that is computed in shards.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use interactions::Scale;
use limits::{Limits, Refused};
use pipeline::Error;
use pipeline::run::ShardSettings;
use pipeline::shards::{EngineChoice, PartitionSettings, Task};
use settings::{quoted, within};
use store::{DenyList, GenerationId, Location};

use super::place::{PlaceArgs, WorkArgs};
use super::ratings::RatingsArgs;

#[derive(Debug, Args)]
pub(crate) struct ShardsArgs {
    /// The number of shards to cut the users into, each a file of its own, for servers that own some of them and for
    /// engines other than `local`. Use a thousand users per shard or more [default: that of the ratings, if they are cut]
    #[arg(long, value_name = "S", value_parser = within(ShardSettings::N_SHARDS))]
    #[arg(env = "RECOMMENDER__SCORING__SHARDS")]
    shards: Option<u32>,
    /// The engine that computes the lists: this process (local), processes of `pipeline shard` (indexed), or the cluster
    /// of a scheduler (ballista://HOST:PORT). The lists are the same
    #[arg(long, value_name = "ENGINE", default_value_t = EngineChoice::Local)]
    #[arg(env = "RECOMMENDER__SCORING__ENGINE")]
    engine: EngineChoice,
    /// The number of shards that a cluster has at once: at least the number of slots of all executors
    #[arg(long, value_name = "N", default_value = "64", value_parser = within(Limits::at_least(NonZeroUsize::MIN)))]
    #[arg(env = "RECOMMENDER__SCORING__IN_FLIGHT")]
    in_flight: NonZeroUsize,
}

impl ShardsArgs {
    /// Checks the number of shards against the number of those to train on.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub(crate) fn check(&self, n_trained: Option<u32>) -> Result<(), Error> {
        Ok(ShardSettings::check_trained(n_trained, self.shards)?)
    }

    pub(crate) fn settings(self) -> ShardSettings {
        let Self { shards: n_shards, engine, in_flight } = self;
        ShardSettings { n_shards, engine, in_flight }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PartitionArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// The deny list: a file with a movie (`movie ID`) or a user (`user ID`) per line, and # comments. They are left out
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    deny_list: Option<PathBuf>,
    /// The number of shards, of a thousand users or more each
    #[arg(long, value_name = "S", value_parser = within(ShardSettings::N_SHARDS))]
    #[arg(env = "RECOMMENDER__SCORING__SHARDS")]
    shards: u32,
    /// The place of the shards: a directory, or s3://bucket/prefix. Earlier shards there are replaced
    #[arg(long, visible_alias = "output", value_name = "LOCATION")]
    out: Location,
    #[command(flatten)]
    work: WorkArgs,
}

impl PartitionArgs {
    /// Returns the options that a run on the shards has to repeat, as words of a shell.
    pub(crate) fn options_of_runs(&self) -> String {
        let mut options = String::new();
        let mut repeat = |name: &str, value: &dyn Display| {
            options.push_str(&format!(" --{name} {}", quoted(&value.to_string())));
        };
        let (RatingsArgs { ratings, min_rating, max_rating }, default) = (&self.ratings, Scale::default());
        let movies = Path::new(&ratings.to_string()).with_file_name("movies.csv");
        let movies = if movies.is_file() { movies } else { "MOVIES.csv".into() };
        repeat("movies", &movies.display());
        if *min_rating != default.min {
            repeat("min-rating", min_rating);
        }
        if *max_rating != default.max {
            repeat("max-rating", max_rating);
        }
        if let Some(deny_list) = &self.deny_list {
            repeat("deny-list", &deny_list.display());
        }
        options
    }

    /// Returns the settings that the options stand for.
    ///
    /// # Errors
    /// [`Error::Store`] if the deny list cannot be read; [`Error::Setting`] if the ratings are not a file.
    pub(crate) fn settings(self) -> Result<PartitionSettings, Error> {
        Ok(PartitionSettings {
            scale: self.ratings.scale()?,
            ratings: self.ratings.file()?,
            deny_list: self.deny_list.as_deref().map(DenyList::read).transpose()?,
            n_shards: self.shards,
            to: self.out,
            work: self.work.work_dir,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct ShardArgs {
    /// The index of the shard, from 0
    #[arg(long, value_name = "I", env = "JOB_COMPLETION_INDEX", value_parser = within(Limits::<u32>::ANY))]
    index: u32,
    /// The number of shards; the command fails if the run has another
    #[arg(long, value_name = "S", value_parser = within(ShardSettings::N_SHARDS))]
    of: Option<u32>,
    /// The generation that the run makes [default: the newest that a run has prepared]
    #[arg(long, value_name = "GENERATION")]
    generation: Option<GenerationId>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

impl ShardArgs {
    /// Computes the shard and returns a summary.
    ///
    /// # Errors
    /// Any [`Error`] of [`Task`]; [`Error::Setting`] if the run has another number of shards.
    pub(crate) fn run(self) -> Result<String, Error> {
        let Self { index, of, generation, place } = self;
        let place = place.place();
        let task = Task::open(&place.location, generation, &place.work)?;
        let n_shards = task.plan().n_shards;
        if let Some(of) = of.filter(|of| *of != n_shards) {
            let problem = format!("the run of generation {} has {n_shards} shards", task.id());
            return Err(Refused::new("--of", of, problem).into());
        }
        task.run(index)?;
        Ok(format!("shard {index} of {n_shards} of generation {} is done", task.id()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};

    #[test]
    fn a_run_on_shards_repeats_the_movies_the_scale_and_the_deny_list() {
        let options = |words: &[&str]| {
            let words = ["pipeline", "partition", "--shards=2", "--out=shards"].iter().chain(words);
            match Cli::parse_from(words).command {
                Some(Command::Partition(args)) => args.options_of_runs(),
                other => panic!("not a partition: {other:?}"),
            }
        };
        let dir = tempfile::tempdir().unwrap();
        let ratings = dir.path().join("r.csv");
        let ratings = ratings.to_str().unwrap();
        assert_eq!(options(&["--ratings", ratings]), " --movies MOVIES.csv");
        let movies = dir.path().join("movies.csv");
        std::fs::write(&movies, "").unwrap();
        let words = ["--ratings", ratings, "--max-rating=10", "--deny-list=gone users.txt"];
        let expected = format!(" --movies {} --max-rating 10 --deny-list 'gone users.txt'", movies.display());
        assert_eq!(options(&words), expected);
    }
}
