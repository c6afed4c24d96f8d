//! The nightly batch: from two CSV files to a published generation of top-N lists.
//!
//! The modules stand in the order in which the data meets them; [`run::run`] is the whole way.

pub mod run;
pub mod schedule;

pub mod similar;
pub mod publish;
pub mod shards;
pub mod gate;
pub mod generations;
pub mod evidence;
pub mod verify;

pub mod error;
pub mod exit_code;
pub mod meter;
pub mod textfile;

pub use error::{Error, Result};
pub use exit_code::ExitCode;
