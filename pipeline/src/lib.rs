//! The batch: from ratings and movies to a published generation of top-N lists.
//!
//! [`run::run`] runs all steps. The modules stand in the order in which the data meets them, after those that measure a run
//! and identify the program. The commands beside `run` come last.

pub mod error;
pub mod exit_code;
pub mod meter;
pub mod executable;

pub mod shards;
pub mod records;
pub mod checks;
pub mod gate;
pub mod evidence;
pub mod run;
pub mod textfile;

pub mod verify;
pub mod generations;
pub mod schedule;

pub use error::{Error, Result};
pub use exit_code::ExitCode;
