//! The fast path: polars parses the numbers of a block.
//!
//! polars gets a schema and writes a null for any other text. Rows with a null or an unacceptable number are marked as
//! undecided. The caller parses them again, and checks what polars ignores: surplus columns, and bytes elsewhere in a
//! row.

use std::io::Cursor;
use std::sync::Arc;

use interactions::{Ratings, Scale};
use polars::prelude::*;
use store::{MovieId, UserId};

use super::header::Layout;
use super::number::{fractional_time, whole, whole_time};

/// The rows from which the format of whole numbers in a block is taken.
const PEEK: usize = 16;

/// From this number on, an `f64` does not hold every whole number, so the digits decide.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The result of polars for a block: one row for each line, also for blank lines.
pub(super) struct ParsedBlock {
    /// The columns, without meaning in undecided rows.
    pub(super) ratings: Ratings,
    /// Whether a row is left to the slow path.
    pub(super) undecided: Vec<bool>,
}

/// Parses a block of whole lines, on the calling thread and those of polars.
///
/// # Errors
/// Any error of polars, if it cannot read the block at all.
pub(super) fn parse_block(lines: &[u8], layout: &Layout, scale: Scale) -> PolarsResult<ParsedBlock> {
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

    let mut undecided = vec![false; frame.height()];
    let users = ids(frame.column(&name(layout.user))?, UserId::new, &mut undecided)?;
    let movies = ids(frame.column(&name(layout.movie))?, MovieId::new, &mut undecided)?;
    let stars = frame.column(&name(layout.rating))?.f32()?;
    let stars = take(stars, |stars| scale.contains(stars).then_some(stars), 0.0, &mut undecided);
    let timestamps = frame.column(&name(layout.timestamp))?;
    let timestamps = match timestamps.dtype() {
        DataType::Int64 => take(timestamps.i64()?, |time| Some(whole_time(time)), 0, &mut undecided),
        _ => take(timestamps.f64()?, exact_time, 0, &mut undecided),
    };
    Ok(ParsedBlock { ratings: Ratings { users, movies, stars, timestamps }, undecided })
}

/// The types of the columns. Whole numbers are parsed as integers or, if the first rows write them as `18.0`, as
/// floating-point numbers. The choice affects speed only: other rows go to the slow path.
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

/// The name of a column for polars: its position, since names in a header may repeat.
fn name(column: usize) -> PlSmallStr {
    PlSmallStr::from_string(column.to_string())
}

fn projection(layout: &Layout) -> Vec<usize> {
    let mut columns = vec![layout.user, layout.movie, layout.rating, layout.timestamp];
    columns.sort_unstable();
    columns
}

fn ids<I: Copy>(column: &Column, id: fn(u32) -> I, undecided: &mut [bool]) -> PolarsResult<Vec<I>> {
    Ok(match column.dtype() {
        DataType::Int64 => take(column.i64()?, |value| u32::try_from(value).ok().map(id), id(0), undecided),
        _ => take(column.f64()?, |value| whole(value).map(id), id(0), undecided),
    })
}

fn exact_time(value: f64) -> Option<i64> {
    if value.abs() < EXACT { fractional_time(value) } else { None }
}

/// Takes the acceptable values of a column. For any other value the result has `none`, and the row is marked.
fn take<T: PolarsNumericType, V: Copy>(
    column: &ChunkedArray<T>,
    accept: impl Fn(T::Native) -> Option<V>,
    none: V,
    mut undecided: &mut [bool],
) -> Vec<V> {
    let mut taken = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        let (rows, rest) = undecided.split_at_mut(chunk.len());
        undecided = rest;
        // All values first, also those of nulls, so that the loop has no branches.
        taken.extend(chunk.values().iter().zip(rows.iter_mut()).map(|(&value, undecided)| {
            let accepted = accept(value);
            *undecided |= accepted.is_none();
            accepted.unwrap_or(none)
        }));
        if let Some(validity) = chunk.validity() {
            for (is_valid, undecided) in validity.iter().zip(rows) {
                *undecided |= !is_valid;
            }
        }
    }
    taken
}
