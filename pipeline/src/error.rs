//! The errors of the pipeline. Each message names the file or setting and the remedy.

use limits::Refused;
use store::{GenerationId, Location};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a command of the pipeline.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range, contradicts another, or does not fit the data.
    #[error(transparent)]
    Setting(#[from] Refused),

    /// No generation is published.
    #[error("nothing was ever published in {output}")]
    NothingPublished {
        /// The repository.
        output: Location,
    },

    /// The ratings of a shard are damaged, or not as cleaning leaves them.
    #[error("the ratings of a shard cannot be used: {problem}; cut them again")]
    BadRatings {
        /// The problem.
        problem: String,
    },

    /// There is no job to compute shards of.
    #[error(
        "no run has prepared {} in {location}", job.as_ref().map_or("a job".to_owned(), |job| format!("the job {job}"))
    )]
    NotPrepared {
        /// The repository.
        location: Location,
        /// The requested job, if one was named.
        job: Option<GenerationId>,
    },

    /// A job was prepared by another program, which may compute other numbers.
    #[error(
        "the job {job} was prepared by another build of this program; use the same build on all machines, or run again"
    )]
    OtherProgram {
        /// The job.
        job: GenerationId,
    },

    /// The ratings that a job's shards are computed from have changed.
    #[error("the ratings were cut again after the job {job} was prepared; run again")]
    OtherRatings {
        /// The job.
        job: GenerationId,
    },

    /// Another run has removed the job of this run.
    #[error(
        "another run on the same store removed the job {job} while this run waited for its shards; run again"
    )]
    JobGone {
        /// The job.
        job: GenerationId,
    },

    /// Shards of a run were not computed.
    #[error(
        "{n} of {n_shards} shards were not computed: {problem}; nothing was published; run again to compute them"
    )]
    Shards {
        /// The number of shards that were not computed.
        n: usize,
        /// The number of all shards.
        n_shards: u32,
        /// The error of the first.
        problem: String,
    },

    /// An operation of the store, or of the operating system on a file, failed.
    #[error(transparent)]
    Store(#[from] store::Error),

    /// The input could not be read.
    #[error(transparent)]
    Reading(#[from] reading::Error),

    /// A model could not be trained, or the factors of a user could not be computed.
    #[error(transparent)]
    Training(#[from] models::Error),

    /// A model could not be measured.
    #[error(transparent)]
    Evaluation(#[from] evaluation::Error),

    /// Sample data could not be generated.
    #[error(transparent)]
    Sample(#[from] sample::Error),

    /// A bug of this program.
    #[error("internal error in {what}: {detail}; please report it")]
    Internal {
        /// The part of the program.
        what: &'static str,
        /// The unexpected state.
        detail: String,
    },
}

impl Error {
    /// Whether another run was in the way, so that a later run may succeed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        use store::Error::{Claimed, Locked, Overtaken};
        matches!(self, Self::Store(Locked { .. } | Overtaken { .. } | Claimed { .. }))
    }

    /// Returns the refused setting, if that is the error, in whichever crate it was refused.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        use evaluation::Error as OfEvaluation;
        use models::Error as OfTraining;
        match self {
            Self::Setting(refused)
            | Self::Training(OfTraining::Setting(refused))
            | Self::Evaluation(
                OfEvaluation::Setting(refused) | OfEvaluation::Training(OfTraining::Setting(refused)),
            )
            | Self::Sample(sample::Error::Setting(refused)) => Some(refused),
            _ => None,
        }
    }

    /// Returns an [`Error::Setting`].
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Refused::new(name, value, problem).into()
    }
}
