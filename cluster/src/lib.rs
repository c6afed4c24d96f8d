//! Distributed computation of shards on Apache DataFusion Ballista.
//!
//! A driver divides its users into shards. A shard is one Parquet file of input, one job, one task and one Parquet file
//! of output. An executor reads the rows, calls its `Kernels` for each user's factors and list of movies, and writes
//! the results. No rows pass through the driver. This crate does not depend on the computation or the model: the driver
//! states a `reference`, which the kernels receive unchanged.
//!
//! There is no authentication and no encryption: Ballista 55 serves its scheduler in plain HTTP/2 only. The scheduler's
//! default address is therefore a loopback address. Other addresses require a trusted network.
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
mod job_monitor;
mod client;

pub use client::{Client, ClientSettings, ShardJob};
pub use error::{Error, Result};
pub use executor::{Executor, ExecutorSettings};
pub use kernels::{Factors, KernelError, Kernels, Lists, Rows, Seen, Table, TableView};
pub use scheduler::{Scheduler, SchedulerSettings};
