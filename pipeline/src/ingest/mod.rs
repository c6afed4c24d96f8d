//! Reads and cleans the input tables.
//!
//! polars is known here and nowhere else.

mod tables;

pub use tables::{CleanRatings, Movies, Ratings, Reason, Reject, Scale};
