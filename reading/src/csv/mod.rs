//! Reads CSV files into clean tables.
//!
//! ```text
//! text      bytes: marks, line breaks, quotes, excerpts
//! record    the cells of a row and its end, by RFC 4180
//! number    numbers in cells
//! format    recognizes other formats, for errors
//! header    the columns of a table
//! ratings   cuts a file of ratings into blocks, reads them in parallel and puts them together in order
//! block     one block: the fast path for sound rows, the slow path for the others
//! parse     the fast path, by polars, which no other file uses
//! row       the slow path, one row from its cells; it alone rejects rows
//! movies    the table of movies
//! ```

pub(crate) mod text;
mod record;
pub(crate) mod number;
mod format;
mod header;
mod ratings;
mod block;
mod parse;
mod row;
mod movies;

pub use movies::read_movies;
pub use ratings::read_ratings;
pub use record::Flaw;

use std::ops::Range;

/// The size of a block of a file: large enough that the start of a block costs little, small enough that every thread has
/// many. A power of two: see [`hash_block`](crate::file::hash_block).
const BLOCK: u64 = 8 << 20;

/// Cuts a file into blocks of at most `size` bytes.
fn cut(length: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    (0..length).step_by(size as usize).map(move |start| start..length.min(start + size))
}
