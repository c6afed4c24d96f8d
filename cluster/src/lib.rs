//! Work for a cluster of machines, on Apache DataFusion Ballista.
//!
//! A driver cuts its users into shards. A shard is one Parquet file of input, one job, one task and one Parquet file
//! of output: an executor reads the rows, asks its `Kernels` for each user's factors and for the best of all movies,
//! and writes. Nothing of that goes through the driver. What the kernels compute, and with which model, this crate does
//! not know: the driver gives a `reference`, which arrives at the kernels as it is.
//!
//! Nobody is authenticated and nothing encrypted: Ballista 55 serves its scheduler in plain HTTP/2 only, so all ports
//! are bound to this machine unless something else is asked for, and belong in a network that is trusted.
#![cfg(feature = "ballista")]

mod error;
mod kernels;
mod functions;
mod columns;
mod objects;
mod session;
mod scheduler;
mod executor;
mod wire;
mod pace;
mod client;

pub use client::{Client, ClientSettings, ShardJob};
pub use error::{Error, Result};
pub use executor::{Executor, ExecutorSettings};
pub use kernels::{Factors, KernelError, Kernels, Lists, Rows, Seen, Table, TableView};
pub use scheduler::{Scheduler, SchedulerSettings};
