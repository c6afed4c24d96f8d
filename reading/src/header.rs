//! The header of a table: which column is what.
//!
//! Columns are found by name, so they may come in any order and with others between them. A name may stand
//! in quotes or between spaces; it must be spelled as MovieLens spells it.

use std::path::Path;

use super::judge::bare;
use crate::error::{Error, Result};

/// Bytes that some programs put before UTF-8 text.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const RATINGS: &str = "userId, movieId, rating, timestamp";

/// Where the columns of a ratings table are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// How many columns every row must have.
    pub(super) n_columns: usize,
    /// The column of the user.
    pub(super) user: usize,
    /// The column of the movie.
    pub(super) movie: usize,
    /// The column of the stars.
    pub(super) rating: usize,
    /// The column of the time.
    pub(super) timestamp: usize,
}

impl Layout {
    /// Reads the first line of a ratings table.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub(super) fn of_ratings(path: &Path, line: &[u8]) -> Result<Self> {
        let cells: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
        let [user, movie, rating, timestamp] =
            columns(path, &cells, ["userId", "movieId", "rating", "timestamp"], RATINGS)?;
        Ok(Self { n_columns: cells.len(), user, movie, rating, timestamp })
    }

    /// The last column that is needed.
    pub(super) fn last_needed(&self) -> usize {
        self.user.max(self.movie).max(self.rating).max(self.timestamp)
    }
}

/// Finds columns in a header; the first of that name counts. `needed` is `names` for people.
///
/// # Errors
/// [`Error::MissingColumn`] for the first that is not there.
pub(super) fn columns<const N: usize>(
    path: &Path,
    cells: &[&[u8]],
    names: [&'static str; N],
    needed: &'static str,
) -> Result<[usize; N]> {
    let mut found = [0; N];
    for (slot, name) in found.iter_mut().zip(names) {
        *slot = cells.iter().position(|cell| bare(cell) == name.as_bytes()).ok_or_else(|| {
            let text = cells.join(&b',');
            Error::MissingColumn {
                path: path.to_path_buf(),
                column: name,
                header: String::from_utf8_lossy(&text).trim().chars().take(200).collect(),
                needed,
            }
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(line: &str) -> Result<Layout> {
        Layout::of_ratings(Path::new("ratings.csv"), line.as_bytes())
    }

    #[test]
    fn columns_are_found_in_any_order_between_others_in_quotes_and_spaces() {
        let found = layout("timestamp,\"rating\", movieId ,comment,\" userId \"\r").unwrap();
        assert_eq!(found, Layout { n_columns: 5, user: 4, movie: 2, rating: 1, timestamp: 0 });
    }

    #[test]
    fn a_missing_column_is_named_with_the_header_and_all_that_is_needed() {
        let message = layout("userId,movie,rating,timestamp\n").unwrap_err().to_string();
        assert_eq!(
            message,
            "ratings.csv has no column `movieId`: its header is `userId,movie,rating,timestamp`; \
             it needs userId, movieId, rating, timestamp"
        );
    }
}
