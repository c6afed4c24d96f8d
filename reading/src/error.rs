//! Errors of reading, each with the file and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a path.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// A path leads to something that cannot be read by position.
    #[error("{} is {kind}, not a regular file; write its content to a file and name that", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is, for people.
        kind: &'static str,
    },

    /// A file was written to while it was read.
    #[error("{} was written to while it was read; run again when its export has ended", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// A table has no column of a name that is needed.
    #[error("{} has no column `{column}`: its header is `{header}`; it needs {needed}", path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The first column that is not there.
        column: &'static str,
        /// The header as found.
        header: String,
        /// All the columns that a table of its kind needs.
        needed: &'static str,
    },

    /// A table has a header at most.
    #[error("{} has no rows; check that its export ended well", path.display())]
    EmptyTable {
        /// The table.
        path: PathBuf,
    },

    /// What cleaning left is not enough to learn from.
    #[error(
        "{} leaves {ratings} ratings of {users} users and {movies} movies after cleaning ({rejected} rows were rejected{}); \
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
        /// Rows that the deny list names.
        denied: u64,
        /// What would be enough, in words.
        needed: &'static str,
    },

    /// The store refused.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What else was left out, where a deny list was given.
fn and_denied(denied: u64) -> String {
    if denied == 0 { String::new() } else { format!(", {denied} denied") }
}

impl Error {
    /// For `map_err`: an I/O error that says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
