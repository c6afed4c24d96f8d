//! Past one machine: the users cut into shards, each computed by whoever comes for it.
//!
//! The items are trained on one machine; users are formed of them and scored shard by shard (`model`), by this process,
//! by others or by a cluster (`engine`), always with the same kernels: the lists are the same to the bit. A shard is one
//! file of ratings in and one of results out, under a fixed name, whole or not there; and once its results have been
//! read back, an account of it (`task`). What has an account is done: whatever is killed, the next run goes on with the
//! rest (`job`). Nothing here decides whether the night is good: that is the gate's, of the accounts together.

mod cut;
mod denied;
mod engine;
mod job;
mod model;
mod partition;
mod task;
#[cfg(feature = "cluster")]
mod ballista;

#[cfg(feature = "cluster")]
pub use ballista::{Ballista, TaskKernels};
pub use cut::cut;
pub use denied::DeniedHashes;
pub use engine::{Elsewhere, Engine, EngineChoice, Here};
pub use job::{Job, Plan, RatingsPlan, ShardAccount};
pub use model::ShardModel;
pub use partition::{Partition, PartitionSettings, partition};

pub use task::Task;

#[cfg(test)]
mod tests;
