//! Records of RFC 4180: where a row ends, and where its cells are.
//!
//! A cell is in quotes if its first byte after blanks is a quote. Separators and line breaks in it are text, and two
//! quotes stand for one. A cell that is not in quotes ends at the next separator or line break, and must not contain a
//! quote.
//!
//! If a cell in quotes is not closed, or has other text after its closing quote, the end of the row is unknown: the next
//! line may be a row, or the text of somebody. That is an error, and never a row.

use std::cmp::Ordering;
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::number::parse_id;
use super::text::{BYTE_ORDER_MARK, count_newlines, unquote};
use crate::error::Error;
use crate::file::InputFile;
use crate::tables::Reason;

/// The greatest length of a row in bytes, with its line break. It bounds the search for the end of a row.
pub(super) const MAX_ROW: usize = 1 << 20;

/// The cells of a row.
#[derive(Debug, Default)]
pub(super) struct Record {
    cells: Vec<Range<usize>>,
    /// Whether a cell that is not in quotes contains a quote.
    has_stray_quote: bool,
}

/// The reason why the end of a row is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A cell in quotes without a closing quote.
    #[error(
        "a cell in quotes is not closed before the end of the file; close it, and double the quotes inside it"
    )]
    NotClosed,
    /// Text between a closing quote and the next separator.
    #[error(
        "a closing quote is not followed by a separator or a line break; double the quotes inside a cell"
    )]
    TextAfterQuote,
    /// More than 1 MiB.
    #[error("the row is longer than 1 MiB; close its quotes, or cut its text")]
    TooLong,
}

/// A row without a known end, at a line from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadRow {
    pub(super) line: u64,
    pub(super) flaw: Flaw,
}

impl BadRow {
    /// The error of a file in which `n_lines` lines precede.
    pub(super) fn in_file(self, file: &InputFile, n_lines: u64) -> Error {
        Error::BadRow { path: file.path().to_path_buf(), line: 1 + n_lines + self.line, flaw: self.flaw }
    }
}

impl Record {
    /// The cells of `row`, as they stand in the file.
    pub(super) fn cells<'a>(&'a self, row: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.cells.iter().map(|cell| &row[cell.clone()])
    }

    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// A cell of `row` as it stands in the file.
    pub(super) fn cell<'a>(&self, row: &'a [u8], column: usize) -> &'a [u8] {
        &row[self.cells[column].clone()]
    }

    /// Whether `row` has blanks only.
    pub(super) fn is_blank(&self, row: &[u8]) -> bool {
        self.len() == 1 && self.cell(row, 0).trim_ascii().is_empty()
    }

    /// The faults of a row that its cells show without their content, in the order of [`Reason`].
    pub(super) fn faults(&self, row: &[u8], n_columns: usize) -> Vec<Reason> {
        let mut faults = Vec::new();
        if str::from_utf8(row).is_err() {
            faults.push(Reason::BadUtf8);
        }
        if self.has_stray_quote {
            faults.push(Reason::StrayQuote);
        }
        match self.len().cmp(&n_columns) {
            Ordering::Less => faults.push(Reason::TornRow),
            Ordering::Equal => {}
            Ordering::Greater => faults.push(Reason::TooManyColumns),
        }
        faults
    }

    /// Finds the cells of the row that begins `bytes`, and returns its length with the line break. `bytes` has the rest of
    /// the file, or more than [`MAX_ROW`] bytes. A byte order mark before the row is skipped: a concatenation of several
    /// files has such marks inside.
    ///
    /// # Errors
    /// The [`Flaw`] of a row without a known end.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Result<usize, Flaw> {
        self.cells.clear();
        self.has_stray_quote = false;
        let is_cut = bytes.len() > MAX_ROW;
        let bytes = &bytes[..bytes.len().min(MAX_ROW)];
        let at_end = |flaw| if is_cut { Flaw::TooLong } else { flaw };
        let mut start = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        loop {
            let first = skip_blanks(bytes, start);
            let end = if bytes.get(first) == Some(&b'"') {
                let quote = closing_quote(bytes, first + 1).ok_or(at_end(Flaw::NotClosed))?;
                skip_blanks(bytes, quote + 1)
            } else {
                self.end_of_unquoted(bytes, first)
            };
            self.cells.push(start..end);
            match bytes.get(end) {
                Some(b',') => start = end + 1,
                Some(b'\n') => return Ok(end + 1),
                None if is_cut => return Err(Flaw::TooLong),
                None => return Ok(end),
                Some(_) => return Err(Flaw::TextAfterQuote),
            }
        }
    }

    /// The end of a cell without quotes around it.
    fn end_of_unquoted(&mut self, bytes: &[u8], start: usize) -> usize {
        let end = memchr3(b',', b'\n', b'"', &bytes[start..]).map_or(bytes.len(), |length| start + length);
        if bytes.get(end) != Some(&b'"') {
            return end;
        }
        self.has_stray_quote = true;
        memchr2(b',', b'\n', &bytes[end..]).map_or(bytes.len(), |length| end + length)
    }
}

/// Calls `each` with every row that starts before `limit`: its cells, its bytes with the line break, and its line from 0. Returns the end of the last row and the number of lines. Blank lines are not rows. `bytes` has the rest of the file,
/// or more than [`MAX_ROW`] bytes after `limit`.
///
/// # Errors
/// [`BadRow`] for the first row without a known end.
pub(super) fn for_each(
    bytes: &[u8],
    limit: usize,
    mut each: impl FnMut(&Record, &[u8], u64),
) -> Result<(usize, u64), BadRow> {
    let mut record = Record::default();
    let (mut start, mut n_lines) = (0, 0);
    while start < limit.min(bytes.len()) {
        let length = record.find(&bytes[start..]).map_err(|flaw| BadRow { line: n_lines, flaw })?;
        let row = &bytes[start..start + length];
        if !record.is_blank(row) {
            each(&record, row, n_lines);
        }
        n_lines += count_lines(row);
        start += length;
    }
    Ok((start, n_lines))
}

/// Whether a line of `row` after its first has the shape of a row: at least as many cells as the table has columns, with an
/// id in each of the columns `ids`. Then a quote before it may not be closed where it should be.
pub(super) fn has_row_inside(row: &[u8], n_columns: usize, ids: &[usize]) -> bool {
    // Nearly all rows are one line.
    if memchr(b'\n', row).is_none_or(|newline| newline + 1 == row.len()) {
        return false;
    }
    let mut record = Record::default();
    let is_id = |cell: &[u8]| parse_id(unquote(cell), Reason::MissingMovie, Reason::BadMovie).is_ok();
    row.split(|&byte| byte == b'\n').skip(1).any(|line| {
        record.find(line).is_ok()
            && record.len() >= n_columns
            && ids.iter().all(|&column| is_id(record.cell(line, column)))
    })
}

/// Counts lines, with one that has no line break.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    let unfinished = bytes.last().is_some_and(|&last| last != b'\n');
    count_newlines(bytes) as u64 + u64::from(unfinished)
}

/// The likely start of the first row in `bytes`, which are those of a file from some place on, perhaps inside of a cell in
/// quotes. A wrong result costs time alone: the end of the row before shows it.
pub(super) fn likely_start(bytes: &[u8]) -> usize {
    let rest_of_cell =
        if starts_in_quotes(bytes) { closing_quote(bytes, 0).map_or(0, |quote| quote + 1) } else { 0 };
    let next_line = memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1);
    Record::default().find(&bytes[rest_of_cell..]).map_or(next_line, |length| rest_of_cell + length)
}

/// Whether the bytes seem to begin inside of a cell in quotes, by the first quote that can only open or only close a cell.
fn starts_in_quotes(bytes: &[u8]) -> bool {
    let mut is_odd = false;
    for quote in memchr::memchr_iter(b'"', &bytes[..bytes.len().min(MAX_ROW)]) {
        let opens = quote.checked_sub(1).is_some_and(|before| b",\n".contains(&bytes[before]));
        let closes = bytes.get(quote + 1).is_some_and(|after| b",\r\n".contains(after));
        if opens != closes {
            return closes != is_odd;
        }
        is_odd = !is_odd;
    }
    false
}

/// The quote that closes a cell whose text goes on at `start`.
fn closing_quote(bytes: &[u8], mut start: usize) -> Option<usize> {
    loop {
        let quote = start + memchr(b'"', bytes.get(start..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        start = quote + 2;
    }
}

fn skip_blanks(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|byte| b" \t\r".contains(byte)).count()
}
