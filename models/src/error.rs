//! Errors of training.

use interactions::InvalidScale;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model could not be trained.
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

    /// The model's numbers are no numbers any more.
    #[error("training diverged in epoch {epoch}: {what} is not finite; raise --regularization")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// What stopped being a number.
        what: &'static str,
    },

    /// The rating model's numbers are no numbers any more.
    #[error("sampling diverged in sweep {sweep}: {what} are not finite; lower --rating-factors")]
    SamplingDiverged {
        /// The sweep, counted from 1.
        sweep: usize,
        /// What stopped being numbers.
        what: &'static str,
    },

    /// A user's numbers are no numbers, although those of the items are.
    #[error("a user's {what} are not finite; raise --regularization or lower --rating-factors")]
    UserDiverged {
        /// What stopped being numbers.
        what: &'static str,
    },

    /// A fault of ours.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// Where.
        what: &'static str,
        /// What was seen.
        detail: String,
    },

    /// The scale of the ratings has no length.
    #[error(transparent)]
    Scale(#[from] InvalidScale),
}

impl Error {
    /// A setting that is out of its range.
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self::Setting { name, value: value.to_string(), problem: problem.into() }
    }
}
