//! One block of the ratings: whole rows in, ratings and rejected rows out.
//!
//! Most blocks have no quote, so each line is a row, and most of these are sound, which the numbers of their lines and
//! commas show: the result of polars is taken as it is. In other blocks every line is checked, and the undecided ones are
//! parsed by the slow path. A block with quotes takes the slow path for all rows. The rows keep their order.

use interactions::{Ratings, Scale};

use super::header::Layout;
use super::parse::{ParsedBlock, parse_block};
use super::record::{BadRow, Flaw, MAX_ROW, Record, count_lines, for_each, has_row_inside};
use super::row::{Row, parse_row};
use super::text::excerpt;
use crate::tables::Reject;

/// The content of a block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Lines, with blank ones.
    pub(super) n_lines: u64,
    /// Rows: `ratings.len() + rejects.len()`.
    pub(super) n_rows: u64,
    /// Acceptable rows whose time cannot be read.
    pub(super) n_unreadable_times: u64,
    /// Rows with lines in quotes that have the shape of rows.
    pub(super) n_with_rows_inside: u64,
    /// The acceptable rows in the order of the file.
    pub(super) ratings: Ratings,
    /// The rejected rows. Lines count from 0 at the start of the block.
    pub(super) rejects: Vec<Reject>,
}

impl Block {
    /// Parses whole lines without quotes.
    ///
    /// # Errors
    /// [`BadRow`] for a line that is too long.
    pub(super) fn of_lines(lines: &[u8], layout: &Layout, scale: Scale) -> Result<Self, BadRow> {
        check_lengths(lines)?;
        let n_lines = count_lines(lines);
        // polars makes one row of each line. If it does not (it may take the bytes for compressed data), rows and lines
        // do not correspond, and the slow path parses all lines.
        let parsed = parse_block(lines, layout, scale).ok();
        let parsed = parsed.filter(|parsed| parsed.ratings.len() as u64 == n_lines);
        match parsed {
            Some(parsed) if is_sound(&parsed, lines, layout) => {
                Ok(Self { n_lines, n_rows: n_lines, ratings: parsed.ratings, ..Self::default() })
            }
            parsed => Ok(Self::check_lines(parsed.as_ref(), lines, layout, scale)),
        }
    }

    /// Parses the rows that start before `limit`, and returns the end of the last of them too. `bytes` is as for
    /// [`for_each`].
    ///
    /// # Errors
    /// [`BadRow`] for the first row without a known end.
    pub(super) fn of_rows(
        bytes: &[u8],
        limit: usize,
        layout: &Layout,
        scale: Scale,
    ) -> Result<(Self, usize), BadRow> {
        let mut block = Self::default();
        let (end, n_lines) = for_each(bytes, limit, |record, row, line| {
            block.push(parse_row(record, row, layout, scale), row, line);
            block.n_with_rows_inside +=
                u64::from(has_row_inside(row, layout.n_columns, &[layout.user, layout.movie]));
        })?;
        block.n_lines = n_lines;
        Ok((block, end))
    }

    /// Checks every line. `parsed` has a row for each line.
    fn check_lines(parsed: Option<&ParsedBlock>, lines: &[u8], layout: &Layout, scale: Scale) -> Self {
        let is_text = str::from_utf8(lines).is_ok();
        let mut block = Self::default();
        let mut record = Record::default();
        for (row, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let whole =
                count_commas(line) + 1 == layout.n_columns && (is_text || str::from_utf8(line).is_ok());
            match parsed {
                Some(parsed) if whole && !parsed.undecided[row] => {
                    block.push(Row::Rating(parsed.ratings.at(row), false), line, block.n_lines);
                }
                // A line without quotes is a row.
                _ if record.find(line).is_ok() && !record.is_blank(line) => {
                    block.push(parse_row(&record, line, layout, scale), line, block.n_lines);
                }
                _ => {}
            }
            block.n_lines += 1;
        }
        block
    }

    fn push(&mut self, content: Row, row: &[u8], line: u64) {
        self.n_rows += 1;
        match content {
            Row::Rating(rating, has_unreadable_time) => {
                self.ratings.push(rating);
                self.n_unreadable_times += u64::from(has_unreadable_time);
            }
            Row::Rejected(reasons, user) => {
                self.rejects.push(Reject { line, reasons, user, text: excerpt(row) });
            }
        }
    }
}

/// Checks that no line is longer than [`MAX_ROW`].
fn check_lengths(lines: &[u8]) -> Result<(), BadRow> {
    let mut start = 0;
    while lines.len() - start > MAX_ROW {
        let Some(newline) = memchr::memrchr(b'\n', &lines[start..start + MAX_ROW]) else {
            return Err(BadRow { line: count_lines(&lines[..start]), flaw: Flaw::TooLong });
        };
        start += newline + 1;
    }
    Ok(())
}

/// Whether every line is a whole row with acceptable numbers. If the last column is read and no row lacks it, no row
/// has too few columns. The number of commas in the block then shows that no row has too many.
fn is_sound(parsed: &ParsedBlock, lines: &[u8], layout: &Layout) -> bool {
    let n_rows = parsed.undecided.len();
    layout.last_needed() + 1 == layout.n_columns
        && !parsed.undecided.contains(&true)
        && count_commas(lines) == n_rows * (layout.n_columns - 1)
        && str::from_utf8(lines).is_ok()
}

fn count_commas(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b',', bytes).count()
}
