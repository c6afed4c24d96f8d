//! The fast path: polars reads the numbers of a block.
//!
//! polars is told what to expect and leaves a null where it finds something else. Rows with a null, and rows
//! whose numbers are not acceptable, are marked as doubtful; judging them is not its matter, nor is what
//! polars passes over (columns too many, broken text elsewhere in the row).

use std::io::Cursor;
use std::sync::Arc;

use interactions::{Ratings, Scale};
use polars::prelude::*;
use store::{MovieId, UserId};

use super::header::Layout;
use super::judge::{seconds, whole};

/// How many rows are looked at to tell how a block writes its whole numbers.
const PEEK: usize = 16;

/// What polars read of a block: one row a line, blank lines included.
pub(super) struct Parsed {
    /// The columns; of no meaning in doubtful rows.
    pub(super) ratings: Ratings,
    /// The rows that the judge must see.
    pub(super) doubtful: Vec<bool>,
}

/// Has polars read a block of whole lines on the calling thread and polars' own.
///
/// # Errors
/// What polars says where it cannot read the block at all.
pub(super) fn parse(lines: &[u8], layout: &Layout, scale: Scale) -> PolarsResult<Parsed> {
    let frame = CsvReadOptions::default()
        .with_has_header(false)
        .with_schema(Some(Arc::new(schema(lines, layout))))
        .with_projection(Some(Arc::new(projection(layout))))
        .with_ignore_errors(true)
        .with_raise_if_empty(false)
        .with_n_threads(Some(1))
        .map_parse_options(|options| options.with_quote_char(None).with_truncate_ragged_lines(true))
        .into_reader_with_file_handle(Cursor::new(lines))
        .finish()?;

    let mut doubtful = vec![false; frame.height()];
    let users = ids(frame.column(&name(layout.user))?, UserId::new, &mut doubtful)?;
    let movies = ids(frame.column(&name(layout.movie))?, MovieId::new, &mut doubtful)?;
    let stars = frame.column(&name(layout.rating))?.f32()?;
    let stars = take(stars, |stars| scale.contains(stars).then_some(stars), 0.0, &mut doubtful);
    let timestamps = frame.column(&name(layout.timestamp))?;
    let timestamps = match timestamps.dtype() {
        DataType::Int64 => take(timestamps.i64()?, Some, 0, &mut doubtful),
        _ => take(timestamps.f64()?, seconds, 0, &mut doubtful),
    };
    Ok(Parsed { ratings: Ratings { users, movies, stars, timestamps }, doubtful })
}

/// The types of the columns. Whole numbers are read as integers or, where the first rows write them as
/// `18.0`, as floating-point numbers. That is a matter of speed alone: what does not fit goes to the judge.
fn schema(lines: &[u8], layout: &Layout) -> Schema {
    let mut types = vec![DataType::Int64; layout.n_columns];
    for line in lines.split(|&byte| byte == b'\n').take(PEEK) {
        for (column, cell) in line.split(|&byte| byte == b',').enumerate().take(layout.n_columns) {
            if cell.contains(&b'.') {
                types[column] = DataType::Float64;
            }
        }
    }
    types[layout.rating] = DataType::Float32;
    types.into_iter().enumerate().map(|(column, dtype)| Field::new(name(column), dtype)).collect()
}

/// Columns go by their position here: the header may call two of them by the same name.
fn name(column: usize) -> PlSmallStr {
    PlSmallStr::from_string(column.to_string())
}

fn projection(layout: &Layout) -> Vec<usize> {
    let mut columns = vec![layout.user, layout.movie, layout.rating, layout.timestamp];
    columns.sort_unstable();
    columns
}

fn ids<I: Copy>(column: &Column, id: fn(u32) -> I, doubtful: &mut [bool]) -> PolarsResult<Vec<I>> {
    Ok(match column.dtype() {
        DataType::Int64 => take(column.i64()?, |value| u32::try_from(value).ok().map(id), id(0), doubtful),
        _ => take(column.f64()?, |value| whole(value).map(id), id(0), doubtful),
    })
}

/// The values of a column that are acceptable; where one is not, `none` in its place and the row marked.
fn take<T: PolarsNumericType, V: Copy>(
    column: &ChunkedArray<T>,
    accept: impl Fn(T::Native) -> Option<V>,
    none: V,
    mut doubtful: &mut [bool],
) -> Vec<V> {
    let mut taken = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        let (rows, rest) = doubtful.split_at_mut(chunk.len());
        doubtful = rest;
        // The values first, whether they are there or not: that way the loop is without branches.
        taken.extend(chunk.values().iter().zip(rows.iter_mut()).map(|(&value, doubtful)| {
            let accepted = accept(value);
            *doubtful |= accepted.is_none();
            accepted.unwrap_or(none)
        }));
        if let Some(validity) = chunk.validity() {
            for (is_there, doubtful) in validity.iter().zip(rows) {
                *doubtful |= !is_there;
            }
        }
    }
    taken
}
