//! Runs beyond one machine: the users are cut into shards, each computed by any process.
//!
//! The items are trained on one machine. Users are folded in and scored shard by shard (`model`), by this process, by
//! other processes or by a cluster (`engine`). The kernels are the same, so the lists are equal to the bit. A shard is one
//! file of ratings and one file of results, each under a fixed name and either complete or missing. Once its results have
//! been read back and checked (`task`), a shard has a receipt and is done. After a kill, the next run computes the shards
//! without a receipt (`job`). The gate judges all receipts together; no module here decides whether to publish.

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
pub use engine::{Engine, EngineChoice, ExternalEngine, LocalEngine};
pub use job::{Job, Plan, RatingsPlan, ShardReceipt};
pub use model::ShardModel;
pub use partition::{Partition, PartitionSettings, partition};
pub use task::Task;

#[cfg(test)]
mod tests;
