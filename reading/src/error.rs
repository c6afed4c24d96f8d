//! The errors of reading, each with the file and the remedy.

use std::path::PathBuf;

use crate::csv::Flaw;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of reading.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that was written to while it was read.
    #[error("{} was written to while it was read; run again when its export has ended", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// A table without a needed column.
    #[error("{} has no column `{column}`: its header is `{header}`; it needs {needed}{fault}", path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The first missing column.
        column: &'static str,
        /// The header.
        header: String,
        /// All needed columns.
        needed: &'static str,
        /// The likely reason, as a clause after a semicolon; empty if unknown.
        fault: String,
    },

    /// A table with a needed column twice.
    #[error("{} has two columns `{column}`; remove or rename one of them", path.display())]
    RepeatedColumn {
        /// The table.
        path: PathBuf,
        /// The name of the columns.
        column: &'static str,
    },

    /// A file of another format.
    #[error("{} is {format}, not a CSV file in UTF-8; convert it", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format, for people.
        format: &'static str,
    },

    /// A row whose end is unknown, so that the text after it cannot be told from rows.
    #[error("{} line {line}: {flaw}", path.display())]
    BadRow {
        /// The file.
        path: PathBuf,
        /// The line in which the row begins; the first line of the file is 1.
        line: u64,
        /// The reason.
        flaw: Flaw,
    },

    /// A table without rows.
    #[error("{} has no rows; check that its export succeeded", path.display())]
    EmptyTable {
        /// The table.
        path: PathBuf,
    },

    /// Too few ratings to train on after cleaning.
    #[error(
        "{} leaves {ratings} ratings of {users} users and {movies} movies after cleaning ({rejected} rows were rejected{}{example}); \
         training needs at least {needed}",
        path.display(),
        and_denied(*denied)
    )]
    TooFewRatings {
        /// The table.
        path: PathBuf,
        /// Ratings left.
        ratings: usize,
        /// Users left.
        users: usize,
        /// Movies left.
        movies: usize,
        /// Rows rejected.
        rejected: u64,
        /// Denied rows.
        denied: u64,
        /// The needed numbers.
        needed: &'static str,
        /// The most frequent reason of rejected rows with a row, as a clause after a comma; empty without any.
        example: String,
    },

    /// A failed operation on a file, or an error of the store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The number of denied rows for the message.
fn and_denied(denied: u64) -> String {
    if denied == 0 { String::new() } else { format!(", {denied} denied") }
}
