//! What can go wrong, by what the driver shall do about it.

use std::fmt::Display;

/// What the text of a job's failure holds if kernels refused for good. Ballista hands errors on as text.
pub(crate) const REFUSED: &str = "the kernels refuse:";

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a job came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scheduler or an executor is gone, or a file could not be read or written: the job should be submitted again.
    #[error("{0}")]
    Transient(String),
    /// There is nobody who could do the work.
    #[error("the scheduler at {scheduler} has had no executors for {seconds} s")]
    NoExecutors {
        /// Who was asked.
        scheduler: String,
        /// For how long nobody came.
        seconds: u64,
    },
    /// Another attempt would end the same way.
    #[error("{0}")]
    Fatal(String),
}

impl Error {
    pub(crate) fn transient(action: &'static str) -> impl FnOnce(&dyn Display) -> Self {
        move |problem| Self::Transient(format!("cannot {action}: {problem}"))
    }

    pub(crate) fn fatal(action: &'static str) -> impl FnOnce(&dyn Display) -> Self {
        move |problem| Self::Fatal(format!("cannot {action}: {problem}"))
    }

    /// What became of a request to the scheduler.
    pub(crate) fn of_request(action: &'static str, status: &tonic::Status) -> Self {
        use tonic::Code::{FailedPrecondition, InvalidArgument, ResourceExhausted, Unimplemented};

        let problem = format!("cannot {action}: {} ({:?})", status.message(), status.code());
        match status.code() {
            FailedPrecondition | InvalidArgument | ResourceExhausted | Unimplemented => Self::Fatal(problem),
            _ => Self::Transient(problem),
        }
    }

    /// What became of a job, of whose failure there is only a text. Tasks that failed by an I/O error were repeated by
    /// Ballista itself, those that failed at an object store were not; both may do better later.
    pub(crate) fn of_job(text: &str) -> Self {
        let problem = format!("the job failed: {text}");
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if names(&[REFUSED, "NotFound", "not found", "No such file"]) {
            return Self::Fatal(problem);
        }
        let passes = [
            "due to IO error",
            "IoError",
            "IO error",
            "ObjectStore(",
            "Object Store error",
            "executors were lost",
            "Cancelled",
            "has failed",
        ];
        if names(&passes) { Self::Transient(problem) } else { Self::Fatal(problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_trouble_with_files_is_not() {
        let refused =
            format!("Task failed due to runtime execution error: Execution(\"{REFUSED} no such model\")");
        assert!(matches!(Error::of_job(&refused), Error::Fatal(_)));
        let cut = "Task 0 in Stage 1 failed 4 times, fail the stage, most recent failure reason: \
                   \"Task failed due to IO error: reset\"";
        assert!(matches!(Error::of_job(cut), Error::Transient(_)));
        let store = "Task failed due to runtime execution error: DataFusionError(ObjectStore(Generic {..}))";
        assert!(matches!(Error::of_job(store), Error::Transient(_)));
        let absent =
            "Task failed due to runtime execution error: DataFusionError(ObjectStore(NotFound {..}))";
        assert!(matches!(Error::of_job(absent), Error::Fatal(_)));
    }
}
