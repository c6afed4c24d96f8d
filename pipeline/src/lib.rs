//! The nightly batch: from two CSV files to a published generation of top-N lists.
//!
//! The modules stand in the order in which the data meets them; [`run`] is the whole way.

pub mod error;
pub mod ingest;
pub mod sample;

pub use error::{Error, Result};
