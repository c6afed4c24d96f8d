//! The options of what goes past one machine: how users are cut, and by whom the shards are computed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use pipeline::Error;
use pipeline::run::ShardSettings;
use pipeline::shards::{EngineChoice, PartitionSettings, Task};
use store::shards::MOST_SHARDS;
use store::{DenyList, GenerationId, Location};

use super::RatingsArgs;
use super::place::{PlaceArgs, WorkArgs};

#[derive(Debug, Args)]
pub(crate) struct ShardsArgs {
    /// Cut the users into so many shards, each a file of its own, for servers that own some of them; what several
    /// machines compute must be cut. Some thousand users a shard or more [default: as the ratings are cut, if they are]
    #[arg(long, value_name = "S")]
    #[arg(env = "RECOMMENDER__SCORING__SHARDS")]
    shards: Option<u32>,
    /// Who computes the lists: this process (local), whoever runs `pipeline shard` (indexed), or the cluster of a
    /// scheduler (ballista://HOST:PORT). All come to the same
    #[arg(long, value_name = "ENGINE", default_value_t = EngineChoice::Local)]
    #[arg(env = "RECOMMENDER__SCORING__ENGINE")]
    engine: EngineChoice,
    /// How many shards a cluster is given at once: at least as many as all executors have slots
    #[arg(long, value_name = "N", default_value = "64")]
    #[arg(env = "RECOMMENDER__SCORING__IN_FLIGHT")]
    in_flight: NonZeroUsize,
}

impl ShardsArgs {
    pub(crate) fn settings(self) -> ShardSettings {
        let Self { shards: n_shards, engine, in_flight } = self;
        ShardSettings { n_shards, engine, in_flight }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PartitionArgs {
    #[command(flatten)]
    ratings: RatingsArgs,
    /// Leave out what this file names: a movie (`movie ID`) or a user (`user ID`) a line, and # comments
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    deny_list: Option<PathBuf>,
    /// Into how many shards: some thousand users each, or more
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_SHARDS)))]
    #[arg(env = "RECOMMENDER__SCORING__SHARDS")]
    shards: u32,
    /// Where they go: a directory, or s3://bucket/prefix. What was cut there before is replaced
    #[arg(long, value_name = "LOCATION")]
    out: Location,
    #[command(flatten)]
    work: WorkArgs,
}

impl PartitionArgs {
    /// What the options ask for.
    ///
    /// # Errors
    /// Those of [`DenyList::read`]; [`Error::Setting`] for ratings that are no file.
    pub(crate) fn settings(self) -> Result<PartitionSettings, Error> {
        Ok(PartitionSettings {
            scale: self.ratings.scale(),
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
    /// Which shard, from 0 on
    #[arg(long, value_name = "I", env = "JOB_COMPLETION_INDEX")]
    index: u32,
    /// How many shards there are, to be sure that both mean the same run
    #[arg(long, value_name = "S")]
    of: Option<u32>,
    /// The generation in the making [default: the newest that a run has prepared]
    #[arg(long, value_name = "GENERATION")]
    generation: Option<GenerationId>,
    #[command(flatten)]
    place: PlaceArgs,
}

impl ShardArgs {
    /// Computes the shard, and says what was done.
    ///
    /// # Errors
    /// Those of [`Task`]; [`Error::Setting`] where there are not so many shards.
    pub(crate) fn run(self) -> Result<String, Error> {
        let Self { index, of, generation, place } = self;
        let place = place.place();
        let task = Task::open(&place.location, generation, &place.work)?;
        let n_shards = task.plan().n_shards;
        if let Some(of) = of.filter(|of| *of != n_shards) {
            let problem = format!("the run of generation {} has {n_shards} shards", task.id());
            return Err(Error::Setting { name: "--of", value: of.to_string(), problem });
        }
        task.run(index)?;
        Ok(format!("shard {index} of {n_shards} of generation {} is done", task.id()))
    }
}
