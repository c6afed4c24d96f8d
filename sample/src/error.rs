//! The errors of making sample data.

use limits::Refused;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of making sample data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that is out of its range, or contradicts another.
    #[error(transparent)]
    Setting(#[from] Refused),

    /// A file or the directory could not be written.
    #[error(transparent)]
    Store(#[from] store::Error),

    /// A fault of the program.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// The part of the program.
        what: &'static str,
        /// The observation.
        detail: String,
    },
}
