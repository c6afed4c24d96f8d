//! Errors of training.

use limits::Refused;

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range, or contradicts another.
    #[error(transparent)]
    Setting(#[from] Refused),

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
}
