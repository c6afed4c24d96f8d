//! The client with a scheduler and executors of one slot, each a process: killed processes, and errors of kernels. The
//! crate `end-to-end` tests the real kernels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "loopback/node.rs"]
mod node;
#[path = "loopback/users.rs"]
mod users;
#[path = "loopback/shards.rs"]
mod shards;
#[path = "loopback/failures.rs"]
mod failures;
