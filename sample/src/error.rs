//! The errors of making sample data.

use std::io;
use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of making sample data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A failed operation on a path.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// A setting that is out of its range, or contradicts another.
    #[error("{name} is {value}: {problem}")]
    Setting {
        /// The setting as the user writes it, `--users` for example.
        name: &'static str,
        /// Its value.
        value: String,
        /// The problem and the allowed values.
        problem: String,
    },

    /// A fault of the program.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// The part of the program.
        what: &'static str,
        /// The observation.
        detail: String,
    },
}

impl Error {
    /// For `map_err`: makes an [`Error::Io`] from an operation and a path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
