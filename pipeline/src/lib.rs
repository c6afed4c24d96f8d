//! The nightly batch: from two CSV files to a published generation of top-N lists.
//!
//! The modules stand in the order in which the data meets them; [`run::run`] is the whole way.

pub mod run;
pub mod schedule;

pub mod sample;
pub mod ingest;
pub mod vocabulary;
pub mod interactions;
pub mod input;
pub mod popularity;
pub mod model;
pub mod scoring;
pub mod similar;
pub mod evaluation;
pub mod publish;
pub mod shards;
pub mod gate;
pub mod generations;
pub mod report;
pub mod verify;

pub mod error;
pub mod meter;
pub mod progress;
pub mod textfile;

pub use error::{Error, Result};
