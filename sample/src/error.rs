//! Errors of making sample data.

use std::io;
use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why sample data could not be made.
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

    /// A setting is out of its range, or does not go with another.
    #[error("{name} is {value}: {problem}")]
    Setting {
        /// The setting as the user knows it, `--test-fraction` for example.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what would be right.
        problem: String,
    },

    /// A fault of ours.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// Where.
        what: &'static str,
        /// What was seen.
        detail: String,
    },
}

impl Error {
    /// For `map_err`: an I/O error that says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
