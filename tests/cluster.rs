//! The shards of a run on a Ballista cluster of processes on this machine: a scheduler, and executors with one slot.
//! After a kill of any process, a run publishes the lists of one machine, or nothing.

#[cfg(object_store)]
mod bucket;
mod killing;
mod nodes;
