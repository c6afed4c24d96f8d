//! The errors of this crate. The variant determines whether the driver repeats a job.

use std::fmt::Display;

/// A marker in the error text of a job whose kernels failed permanently. Ballista transmits errors as text.
pub(crate) const REFUSED: &str = "the kernels refuse:";

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a client, a scheduler or an executor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scheduler or an executor is gone, or a file could not be read or written: the job should be submitted again.
    #[error("{0}")]
    Transient(String),
    /// The cluster has no executors.
    #[error("the scheduler at {scheduler} has had no executors for {seconds} s")]
    NoExecutors {
        /// `HOST:PORT` of the scheduler.
        scheduler: String,
        /// The time without executors, in seconds.
        seconds: u64,
    },
    /// Another attempt would fail too.
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

    /// Converts the failed response to a request to the scheduler.
    pub(crate) fn of_request(action: &'static str, status: &tonic::Status) -> Self {
        use tonic::Code::{FailedPrecondition, InvalidArgument, ResourceExhausted, Unimplemented};

        let problem = format!("cannot {action}: {} ({:?})", status.message(), status.code());
        match status.code() {
            FailedPrecondition | InvalidArgument | ResourceExhausted | Unimplemented => Self::Fatal(problem),
            _ => Self::Transient(problem),
        }
    }

    /// Converts the failure of a job, which Ballista describes by text only. Ballista repeats tasks after an I/O error,
    /// but not after an error of an object store. Both kinds are transient.
    pub(crate) fn of_job(text: &str) -> Self {
        let problem = format!("the job failed: {text}");
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if names(&[REFUSED, "NotFound", "not found", "No such file"]) {
            return Self::Fatal(problem);
        }
        let transient = [
            "due to IO error",
            "IoError",
            "IO error",
            "ObjectStore(",
            "Object Store error",
            "executors were lost",
            "Cancelled",
            "has failed",
        ];
        if names(&transient) { Self::Transient(problem) } else { Self::Fatal(problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_kernels_is_fatal_and_an_io_error_is_transient() {
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
