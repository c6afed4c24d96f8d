//! The header of a table: the positions of the columns.
//!
//! Columns are found by name, in any order and with other columns between them. A name may be in quotes or between
//! blanks, and must be spelled as in MovieLens.

use std::path::Path;

use super::format::{self, likely_fault};
use super::record::{BadRow, MAX_ROW, Record, count_lines};
use super::text::unquote;
use crate::error::{Error, Result};
use crate::file::InputFile;

const RATINGS: &str = "userId, movieId, rating, timestamp";

/// The first row of a file that is not blank.
pub(super) struct Header {
    row: Vec<u8>,
    record: Record,
    /// The position of the next row in the file.
    pub(super) end: u64,
    /// The number of lines before the next row.
    pub(super) n_lines: u64,
}

impl Header {
    /// Reads the header of a file. It ends within [`MAX_ROW`] bytes.
    ///
    /// # Errors
    /// [`Error::OtherFormat`], [`Error::EmptyTable`], [`Error::BadRow`], [`Error::Changed`] and [`Error::Store`].
    pub(super) fn read(file: &InputFile) -> Result<Self> {
        let mut bytes = Vec::new();
        file.read(0..file.length().min(2 * MAX_ROW as u64), &mut bytes)?;
        format::check(file.path(), &bytes)?;
        let mut record = Record::default();
        let (mut start, mut n_lines) = (0, 0);
        while start < bytes.len().min(MAX_ROW) {
            let found = record.find(&bytes[start..]);
            let length = found.map_err(|flaw| BadRow { line: n_lines, flaw }.in_file(file, 0))?;
            let row = &bytes[start..start + length];
            n_lines += count_lines(row);
            start += length;
            if !record.is_blank(row) {
                return Ok(Self { row: row.to_vec(), record, end: start as u64, n_lines });
            }
        }
        Err(Error::EmptyTable { path: file.path().to_path_buf() })
    }

    /// The names of the columns, as they stand in the file.
    pub(super) fn cells(&self) -> Vec<&[u8]> {
        self.record.cells(&self.row).collect()
    }
}

/// The positions of the columns of a table of ratings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The number of columns of every row.
    pub(super) n_columns: usize,
    /// The position of the user.
    pub(super) user: usize,
    /// The position of the movie.
    pub(super) movie: usize,
    /// The position of the stars.
    pub(super) rating: usize,
    /// The position of the time.
    pub(super) timestamp: usize,
}

impl Layout {
    /// The layout of a table of ratings with a header of these cells.
    ///
    /// # Errors
    /// [`Error::MissingColumn`], [`Error::RepeatedColumn`].
    pub(super) fn of_ratings(path: &Path, cells: &[&[u8]]) -> Result<Self> {
        let [user, movie, rating, timestamp] =
            columns(path, cells, ["userId", "movieId", "rating", "timestamp"], RATINGS)?;
        Ok(Self { n_columns: cells.len(), user, movie, rating, timestamp })
    }

    /// The last needed column.
    pub(super) fn last_needed(&self) -> usize {
        self.user.max(self.movie).max(self.rating).max(self.timestamp)
    }
}

/// Finds columns by name. `needed` is the text of `names` for an error.
///
/// # Errors
/// [`Error::MissingColumn`] with the first missing name, [`Error::RepeatedColumn`] with the first name of two columns.
pub(super) fn columns<const N: usize>(
    path: &Path,
    cells: &[&[u8]],
    names: [&'static str; N],
    needed: &'static str,
) -> Result<[usize; N]> {
    let mut found = [0; N];
    for (slot, name) in found.iter_mut().zip(names) {
        let mut columns = (0..).zip(cells).filter(|(_, cell)| unquote(cell) == name.as_bytes());
        let (first, second) = (columns.next(), columns.next());
        if second.is_some() {
            return Err(Error::RepeatedColumn { path: path.to_path_buf(), column: name });
        }
        *slot = first.map(|(column, _)| column).ok_or_else(|| {
            let text = cells.join(&b',');
            Error::MissingColumn {
                path: path.to_path_buf(),
                column: name,
                header: String::from_utf8_lossy(&text).trim().chars().take(200).collect(),
                needed,
                fault: likely_fault(cells),
            }
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(line: &str) -> Result<Layout> {
        let cells: Vec<&[u8]> = line.as_bytes().split(|&byte| byte == b',').collect();
        Layout::of_ratings(Path::new("ratings.csv"), &cells)
    }

    #[test]
    fn columns_are_found_in_any_order_between_others_in_quotes_and_blanks() {
        let found = layout("timestamp,\"rating\", movieId ,comment,\" userId \"\r").unwrap();
        assert_eq!(found, Layout { n_columns: 5, user: 4, movie: 2, rating: 1, timestamp: 0 });
    }

    #[test]
    fn a_needed_column_that_is_there_twice_is_an_error() {
        let message =
            layout("userId,movieId,rating,note,note,\"rating\",timestamp\n").unwrap_err().to_string();
        assert_eq!(message, "ratings.csv has two columns `rating`; remove or rename one of them");
    }

    #[test]
    fn a_missing_column_is_an_error_with_the_header_and_the_needed_columns() {
        let message = layout("userId,movie,rating,timestamp\n").unwrap_err().to_string();
        assert_eq!(
            message,
            "ratings.csv has no column `movieId`: its header is `userId,movie,rating,timestamp`; \
             it needs userId, movieId, rating, timestamp"
        );
    }
}
