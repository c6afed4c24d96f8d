//! The options of what goes past one machine: how users are cut, and by whom the shards are computed.

use std::num::NonZeroUsize;

use clap::Args;
use pipeline::Error;
use pipeline::run::ShardSettings;
use pipeline::shards::{EngineChoice, Task};
use store::GenerationId;

use super::place::PlaceArgs;

#[derive(Debug, Args)]
pub(crate) struct ShardsArgs {
    /// Cut the users into so many shards, each a file of its own, for servers that own some of them; what several
    /// machines compute must be cut. Some thousand users a shard or more [default: not cut]
    #[arg(long, value_name = "S", required_if_eq("engine", "indexed"))]
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
    pub(crate) fn settings(self) -> Option<ShardSettings> {
        let Self { shards, engine, in_flight } = self;
        match (shards, &engine) {
            (None, EngineChoice::Local) => None,
            (n_shards, _) => {
                Some(ShardSettings { n_shards: n_shards.unwrap_or_default(), engine, in_flight })
            }
        }
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
