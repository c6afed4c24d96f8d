//! Reads and cleans the input: from files of ratings and movies to clean tables, with an account of every row.
//!
//! ```text
//! file      an input file, opened once and read by position
//! csv       CSV files to tables and rejected rows
//! merge     the table of ratings sorted, with each pair of user and movie once
//! deny      users and movies of a deny list removed
//! rejects   the rejected rows as a file for people
//! shards    ratings that were cleaned and cut into Parquet files before
//! sample    some users, ratings and movies, for the gate of later runs
//! input     the input of a run: ratings as a matrix, and movies
//! ```

mod error;
mod file;
mod tables;
mod csv;
mod merge;
mod deny;
mod rejects;
mod shards;
mod sample;
mod input;

pub use crate::csv::{Flaw, read_movies, read_ratings};
pub use error::{Error, Result};
pub use file::InputFile;
pub use input::{Input, InputSettings, OpenInput, RatingsSource, read_numbered};
pub use rejects::{REJECTS, write_rejects};
pub use sample::write_sample;
pub use shards::{Order, check_user, gather};
pub use tables::{CleanRatings, Movies, Reason, Reject};
