//! A scheduler and executors of one slot, each a process of its own: what the client makes of their deaths, and of kernels
//! that refuse. The crate `end-to-end` has the real kernels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "loopback/node.rs"]
mod node;
#[path = "loopback/users.rs"]
mod users;
#[path = "loopback/shards.rs"]
mod shards;
#[path = "loopback/failures.rs"]
mod failures;
