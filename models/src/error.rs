//! Errors of training.

use interactions::InvalidScale;

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range, or contradicts another.
    #[error("{name} is {value}: {problem}")]
    Setting {
        /// The setting by its name on the command line, such as `--epochs`.
        name: &'static str,
        /// Its value.
        value: String,
        /// The rule that the value breaks.
        problem: String,
    },

    /// A number of the ranking model is not finite.
    #[error("training diverged in epoch {epoch}: {what} are not finite; {advice}")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The quantity that is not finite.
        what: &'static str,
        /// The remedy, which depends on the settings.
        advice: String,
    },

    /// A number of the rating model is not finite. No setting is known to cause this.
    #[error(
        "sampling diverged in sweep {sweep}: {what} are not finite; please report it with the settings of the run"
    )]
    SamplingDiverged {
        /// The sweep, counted from 1.
        sweep: usize,
        /// The quantity that is not finite.
        what: &'static str,
    },

    /// A folded-in user's factors are not finite, although those of the items are.
    #[error("a user's {what} are not finite; {advice}")]
    UserDiverged {
        /// The quantity that is not finite.
        what: &'static str,
        /// The remedy.
        advice: &'static str,
    },

    /// A defect of this program.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// The step that failed.
        what: &'static str,
        /// The cause.
        detail: String,
    },

    /// The rating scale is empty or not finite.
    #[error(transparent)]
    Scale(#[from] InvalidScale),
}

impl Error {
    /// An error about a setting that is out of its range.
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self::Setting { name, value: value.to_string(), problem: problem.into() }
    }
}
