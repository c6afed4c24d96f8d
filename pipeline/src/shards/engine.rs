//! Who computes the shards of a job.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use store::Location;

use super::{Job, Task};
use crate::error::{Error, Result};

/// How often it is looked for what others have done.
const LOOK: Duration = Duration::from_secs(1);

/// Something that has shards computed.
pub trait Engine: fmt::Debug {
    /// Has some shards of a job computed, in any order and by whatever processes, and returns when each has an account
    /// or when that is not to be had. `bar` counts them.
    ///
    /// # Errors
    /// What keeps a shard from being done. What is done stays so.
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()>;
}

/// An engine as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineChoice {
    /// This process.
    Local,
    /// Processes that run `pipeline shard`, which somebody else starts.
    Indexed,
    /// A Ballista cluster, by the URL of its scheduler.
    Ballista(String),
}

/// The text names no engine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no engine; give local, indexed or ballista://HOST:PORT")]
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

/// This process: as many shards at once as there are threads to compute with, as an executor of so many slots would. One
/// alone would have the others wait while it is read, written and looked at.
#[derive(Debug)]
pub struct Here {
    /// The repository of the job.
    pub location: Location,
    /// Where copies live.
    pub work: PathBuf,
}

impl Engine for Here {
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()> {
        let task = Task::open(&self.location, Some(job.id().clone()), &self.work)?;
        let rest = Mutex::new(shards.iter());
        let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
        let take_turns = || {
            while let Some(&shard) = next() {
                if let Err(e) = task.run(shard) {
                    // Nobody begins another.
                    while next().is_some() {}
                    return Err(e);
                }
                bar.inc(1);
            }
            Ok(())
        };
        // Threads of their own, for those of the pool would begin another shard wherever one waits.
        std::thread::scope(|scope| {
            let n = rayon::current_num_threads().min(shards.len());
            let workers: Vec<_> = (0..n).map(|_| scope.spawn(take_turns)).collect();
            let lost =
                || Error::Internal { what: "a shard", detail: "its thread has ended early".to_owned() };
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(lost())))
        })
    }
}

/// Whoever runs `pipeline shard`: a Kubernetes Indexed Job, any batch scheduler, a person. Waits for as long as it takes.
#[derive(Debug)]
pub struct Elsewhere;

impl Engine for Elsewhere {
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()> {
        tracing::info!(generation = %job.id(), n_shards = shards.len(), "waiting for `pipeline shard` to compute them");
        loop {
            let n_missing = job.missing()?.len();
            bar.set_position(bar.length().unwrap_or_default().saturating_sub(n_missing as u64));
            if n_missing == 0 {
                return Ok(());
            }
            // Where it was taken away nobody will ever come.
            job.is_there()?;
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_read_as_they_are_written() {
        for text in ["local", "indexed", "ballista://127.0.0.1:50050"] {
            assert_eq!(text.parse::<EngineChoice>().unwrap().to_string(), text);
        }
        for text in ["", "ballista", "ballista://host", "spark://h:1"] {
            let error = text.parse::<EngineChoice>().unwrap_err().to_string();
            assert!(error.contains("ballista://HOST:PORT"), "{error}");
        }
    }
}
