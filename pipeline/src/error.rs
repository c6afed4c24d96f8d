//! What can end a run, each with the file, line or setting and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use store::{GenerationId, Location};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command of the pipeline could not do its work.
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

    /// There is no generation to look at.
    #[error("nothing was ever published in {output}")]
    NothingPublished {
        /// The repository.
        output: Location,
    },

    /// Ratings of a shard are none that cleaning leaves.
    #[error("the ratings of a shard cannot be used: {problem}; cut them anew")]
    BadRatings {
        /// What is wrong with them.
        problem: String,
    },

    /// There is no job whose shards could be computed.
    #[error(
        "no run has prepared {} in {location}", job.as_ref().map_or("a job".to_owned(), |job| format!("the job {job}"))
    )]
    NotPrepared {
        /// Where was looked.
        location: Location,
        /// The job that was named.
        job: Option<GenerationId>,
    },

    /// A job was prepared by another program, whose numbers might be others.
    #[error(
        "the job {job} was prepared by another build of this program; use the same one everywhere, or run again"
    )]
    OtherProgram {
        /// The job.
        job: GenerationId,
    },

    /// The ratings that a job's shards are computed from have changed.
    #[error("the ratings were cut anew since the job {job} was prepared; run again")]
    OtherRatings {
        /// The job.
        job: GenerationId,
    },

    /// What the shards of a run are computed from is gone.
    #[error(
        "the job {job} was taken away while its shards were awaited, by another run on the same store; run again"
    )]
    JobGone {
        /// The job.
        job: GenerationId,
    },

    /// Shards of a run were not computed.
    #[error(
        "{n} of {n_shards} shards were not computed: {problem}; nothing was published, run again to go on with the rest"
    )]
    Shards {
        /// How many.
        n: usize,
        /// Of how many.
        n_shards: u32,
        /// Why the first was not.
        problem: String,
    },

    /// The store refused.
    #[error(transparent)]
    Store(#[from] store::Error),

    /// The input could not be read.
    #[error(transparent)]
    Reading(#[from] reading::Error),

    /// A model could not be trained, or a user's factors not be computed.
    #[error(transparent)]
    Training(#[from] models::Error),

    /// A model could not be measured.
    #[error(transparent)]
    Evaluation(#[from] evaluation::Error),

    /// Sample data could not be made.
    #[error(transparent)]
    Sample(#[from] sample::Error),

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
    /// Whether another run was in the way, so that a later try may do.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        use store::Error::{Claimed, Locked, Overtaken};
        matches!(self, Self::Store(Locked { .. } | Overtaken { .. } | Claimed { .. }))
    }

    /// A setting that is out of its range.
    pub(crate) fn setting(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self::Setting { name, value: value.to_string(), problem: problem.into() }
    }

    /// For `map_err`: an I/O error that says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
