//! The errors of an evaluation.

use std::path::PathBuf;

use limits::Refused;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that is out of its range, or contradicts another.
    #[error(transparent)]
    Setting(#[from] Refused),

    /// Two files of a split that do not belong together.
    #[error("{} cannot be the test ratings of a model trained on {}: {problem}", test.display(), train.display())]
    Holdout {
        /// The ratings to train on.
        train: PathBuf,
        /// The ratings held out.
        test: PathBuf,
        /// The problem and its remedy.
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

    /// The ratings could not be read.
    #[error(transparent)]
    Reading(#[from] reading::Error),

    /// The model could not be trained.
    #[error(transparent)]
    Training(#[from] models::Error),
}

impl Error {
    /// Makes an [`Error::Setting`].
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Refused::new(name, value, problem).into()
    }
}
