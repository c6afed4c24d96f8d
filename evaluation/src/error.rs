//! Errors of an evaluation.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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

    /// Two files of a split do not go together.
    #[error("{} cannot be measured with a model of {}: {problem}", test.display(), train.display())]
    Holdout {
        /// The ratings to train on.
        train: PathBuf,
        /// The ratings held out.
        test: PathBuf,
        /// What is wrong, and what would be right.
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

    /// The ratings could not be read.
    #[error(transparent)]
    Reading(#[from] reading::Error),

    /// The model could not be trained.
    #[error(transparent)]
    Training(#[from] models::Error),
}

impl Error {
    /// A setting that is out of its range.
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self::Setting { name, value: value.to_string(), problem: problem.into() }
    }
}
