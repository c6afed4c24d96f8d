//! The engines that compute the shards of a job.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use store::Location;

use super::{Job, Task};
use crate::error::{Error, Result};

/// The interval at which the receipts of an external engine are counted.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An engine that computes shards.
pub trait Engine: fmt::Debug {
    /// Computes some shards of a job, in any order, and returns when each has a receipt. `bar` counts them.
    ///
    /// # Errors
    /// The first error of a shard: [`Error::BadRatings`], [`Error::Training`], [`Error::NotPrepared`], [`Error::Store`];
    /// [`Error::Shards`] where a cluster fails; [`Error::JobGone`] where
    /// another run has removed the job. The shards with a receipt stay computed.
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()>;
}

/// The name of an engine, as given with `--engine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineChoice {
    /// This process.
    Local,
    /// Processes that run `pipeline shard` and are started by others.
    Indexed,
    /// A Ballista cluster, by the URL of its scheduler.
    Ballista(String),
}

/// The error of a text that names no engine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an engine; give local, indexed or ballista://HOST:PORT")]
pub struct InvalidEngine(String);

impl FromStr for EngineChoice {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "local" => Ok(Self::Local),
            "indexed" => Ok(Self::Indexed),
            url if url.strip_prefix("ballista://").is_some_and(|rest| rest.contains(':')) => {
                Ok(Self::Ballista(url.to_owned()))
            }
            _ => Err(InvalidEngine(text.to_owned())),
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Indexed => f.write_str("indexed"),
            Self::Ballista(url) => f.write_str(url),
        }
    }
}

/// The engine of this process. It computes as many shards at once as there are threads, so that no thread waits while a
/// shard is read, written and checked.
#[derive(Debug)]
pub struct LocalEngine {
    /// The repository of the job.
    pub location: Location,
    /// The directory of local copies.
    pub work: PathBuf,
}

impl Engine for LocalEngine {
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()> {
        let task = Task::open(&self.location, Some(job.id().clone()), &self.work)?;
        let rest = Mutex::new(shards.iter());
        let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
        let compute_next = || {
            while let Some(&shard) = next() {
                if let Err(e) = task.run(shard) {
                    // No thread begins another shard.
                    while next().is_some() {}
                    return Err(e);
                }
                bar.inc(1);
            }
            Ok(())
        };
        // Threads outside the pool, since a waiting thread of the pool would begin another shard.
        std::thread::scope(|scope| {
            let n = rayon::current_num_threads().min(shards.len());
            let workers: Vec<_> = (0..n).map(|_| scope.spawn(compute_next)).collect();
            let lost =
                || Error::Internal { what: "a shard", detail: "its thread has ended early".to_owned() };
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(lost())))
        })
    }
}

/// The engine of processes that run `pipeline shard`, started by a Kubernetes Indexed Job, another batch scheduler or a
/// person. It waits without a limit of time.
#[derive(Debug)]
pub struct ExternalEngine;

impl Engine for ExternalEngine {
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()> {
        tracing::info!(generation = %job.id(), n_shards = shards.len(), "waiting for `pipeline shard` to compute them");
        loop {
            let n_missing = job.missing()?.len();
            bar.set_position(bar.length().unwrap_or_default().saturating_sub(n_missing as u64));
            if n_missing == 0 {
                return Ok(());
            }
            // No process computes shards of a job that was removed.
            job.check_exists()?;
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_parsed_from_its_text() {
        for text in ["local", "indexed", "ballista://127.0.0.1:50050"] {
            assert_eq!(text.parse::<EngineChoice>().unwrap().to_string(), text);
        }
        for text in ["", "ballista", "ballista://host", "spark://h:1"] {
            let error = text.parse::<EngineChoice>().unwrap_err().to_string();
            assert!(error.contains("ballista://HOST:PORT"), "{error}");
        }
    }
}
