//! Reads and cleans the input tables: from ratings.csv and movies.csv to columns that the rest of the batch
//! can trust, and an account of every row that was left out.
//!
//! ```text
//! file      an input file, opened once and read by position
//! header    which column is what
//! ratings   cuts the file into blocks, has them read side by side and puts them together in order
//! block     one block: what polars read of it, and the rows that need a judge
//! parse     polars, the fast path; it is known in that file and nowhere else
//! judge     one row from its raw bytes, the slow path; it alone rejects
//! merge     the table sorted, each user and movie once
//! movies    the other table
//! deny      what a deny list names, taken out of both
//! rejects   what was left out, for people to look at
//! shards    ratings that were cleaned and cut into Parquet files before
//! input     the cleaned ratings, numbered and laid out as a matrix, and the movies
//! ```
//!

mod error;
mod file;
mod tables;
mod ratings;
mod header;
mod block;
mod parse;
mod judge;
mod merge;
mod movies;
mod deny;
mod rejects;
mod shards;
mod input;

pub use error::{Error, Result};
pub use file::InputFile;
pub use input::{Input, InputSettings, OpenInput, RatingsSource, read_numbered};
pub use movies::read_movies;
pub use ratings::read_ratings;
pub use rejects::{REJECTS, write_rejects};
pub use shards::{Order, check_user, gather};
pub use tables::{CleanRatings, Movies, Reason, Reject};
