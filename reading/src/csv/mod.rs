//! Reads CSV files into clean tables.
//!
//! ```text
//! text      bytes: marks, line breaks, quotes, excerpts
//! number    numbers in cells
//! format    recognizes other formats, for errors
//! header    the columns of a table
//! ratings   cuts a file of ratings into blocks, reads them in parallel and puts them together in order
//! block     one block: the fast path for sound rows, the slow path for the others
//! parse     the fast path, by polars, which no other file uses
//! line      the slow path, one line from its bytes; it alone rejects rows
//! movies    the table of movies
//! ```

pub(crate) mod text;
pub(crate) mod number;
mod format;
mod header;
mod ratings;
mod block;
mod parse;
mod line;
mod movies;

pub use movies::read_movies;
pub use ratings::read_ratings;
