//! The errors of an evaluation.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that is out of its range, or contradicts another.
    #[error("{name} is {value}: {problem}")]
    Setting {
        /// The setting as the user writes it, `--test-fraction` for example.
        name: &'static str,
        /// Its value.
        value: String,
        /// The problem and the allowed values.
        problem: String,
    },

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
        Self::Setting { name, value: value.to_string(), problem: problem.into() }
    }
}
