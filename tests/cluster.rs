//! The shards of a run on a Ballista cluster of real processes on this machine: a scheduler, and executors of one slot.
//! Whatever is killed, lists are those of one machine, or nothing is published.

#[cfg(object_store)]
mod bucket;
mod killing;
mod nodes;
