//! A scheduler and two executors of one slot, each a process of its own, which are killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "loopback/node.rs"]
mod node;
#[path = "loopback/users.rs"]
mod users;
#[path = "loopback/shards.rs"]
mod shards;
#[path = "loopback/failures.rs"]
mod failures;
#[cfg(object_store)]
#[path = "loopback/bucket.rs"]
mod bucket;
