//! Pipelines and servers on an object store that is shared, killed, disconnected or damaged.
//!
//! The store is a separate process with the S3 protocol (moto). Each program connects to it through a proxy that can hold,
//! cut and lose requests and answers.

mod breaking;
mod deployment;
mod proxy;
mod sharing;
pub(crate) mod store;
mod wrong;

/// The number of bytes of requests after which a run is in the middle of its upload of some 1.8 MB.
const MIDDLE: u64 = 600_000;
