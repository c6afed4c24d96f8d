//! Reloading: opens the generation that `CURRENT` names, and replaces the served one.
//!
//! Input: a repository, polled by [`follow`]. Output: the generation in [`Current`]. Fetching, checking and opening
//! happen on blocking threads, so that requests never wait. The old generation is closed after the swap. Its copy is
//! kept until the next swap, so that a rollback needs no fetch. A generation that cannot be served changes nothing.

mod current;

use std::path::PathBuf;
use std::sync::Arc;

use store::reader::LocalGeneration;
use store::repository::Bandwidth;
use store::shards::Owned;
use store::{GenerationId, Location, Repository};
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::served_generation::ServedGeneration;
use crate::settings::Settings;
pub(crate) use current::Current;

/// Polls `CURRENT` and serves the generation that it names, for as long as the future is polled.
pub(crate) async fn follow(
    current: &Current,
    metrics: &Metrics,
    settings: &Settings,
    repository: Repository,
) {
    let source = Source {
        repository,
        store: settings.store.clone(),
        work_dir: settings.work_dir.clone(),
        shards: settings.shards.clone(),
        bandwidth: settings.bandwidth(),
        cache_bytes: settings.cache_bytes(),
    };
    let mut follower = Follower { current, metrics, source: Arc::new(source), previous: None, refused: None };
    loop {
        follower.poll().await;
        // A random factor spreads the polls of servers that were started together.
        tokio::time::sleep(settings.poll_interval.mul_f64(rand::random_range(0.9..1.1))).await;
    }
}

/// The repository and the settings for opening its generations. Its methods block.
#[derive(Debug)]
struct Source {
    repository: Repository,
    store: Location,
    work_dir: PathBuf,
    shards: Owned,
    bandwidth: Bandwidth,
    cache_bytes: u64,
}

impl Source {
    fn current_id(&self) -> Result<GenerationId> {
        let id = self.repository.current()?;
        id.ok_or_else(|| Error::NothingPublished { store: self.store.clone() })
    }

    /// Opens a generation from a copy, or fetches one.
    fn open(&self, id: &GenerationId, copy: Option<Arc<LocalGeneration>>) -> Result<ServedGeneration> {
        let copy = match copy {
            Some(copy) => copy,
            None => self.repository.fetch(id, &self.work_dir, &self.shards, self.bandwidth)?.into(),
        };
        ServedGeneration::open(copy, self.cache_bytes)
    }

    /// Returns the copy of a generation that an earlier server has kept, if there is one.
    fn kept_copy(&self, id: &GenerationId) -> Result<Option<LocalGeneration>> {
        Ok(self.repository.adopt(id, &self.work_dir, &self.shards)?)
    }
}

/// The state between polls.
#[derive(Debug)]
struct Follower<'a> {
    current: &'a Current,
    metrics: &'a Metrics,
    source: Arc<Source>,
    /// The generation that was served before the current one, verified and closed.
    previous: Option<Arc<LocalGeneration>>,
    refused: Option<Refused>,
}

/// A generation that could not be served.
#[derive(Debug)]
struct Refused {
    /// `None` if `CURRENT` itself could not be read.
    id: Option<GenerationId>,
    /// The error, as logged.
    reason: String,
    /// The number of polls of the last pause.
    pause: u32,
    /// The number of polls until the next attempt.
    remaining: u32,
}

impl Follower<'_> {
    async fn poll(&mut self) {
        match self.blocking(|source| source.current_id()).await {
            Ok(id) if self.current.is(&id) => self.refused = None,
            Ok(id) if self.pauses(&id) => {}
            Ok(id) => match self.open(id.clone()).await {
                Ok(generation) => {
                    let before = self.current.replace(generation).await;
                    self.metrics.count_reload(true);
                    let last = std::mem::replace(&mut self.previous, before);
                    // The drop deletes files, which blocks.
                    spawn_blocking(move || drop(last));
                    self.refused = None;
                    tracing::info!("serving generation {id}");
                }
                Err(error) => self.refuse(Some(id), &error),
            },
            Err(error) => self.refuse(None, &error),
        }
    }

    /// Runs a function on a blocking thread. A panic of the function is returned as an error.
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Source) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let source = Arc::clone(&self.source);
        spawn_blocking(move || run(&source)).await?
    }

    async fn open(&self, id: GenerationId) -> Result<ServedGeneration> {
        if self.current.is_empty()
            && let Some(generation) = self.open_kept(id.clone()).await?
        {
            return Ok(generation);
        }
        let previous = self.previous.clone().filter(|copy| copy.manifest().generation == id);
        self.blocking(move |source| source.open(&id, previous)).await
    }

    /// Opens the copy that an earlier server has kept. A copy that cannot be opened is removed, and the generation is
    /// then fetched.
    async fn open_kept(&self, id: GenerationId) -> Result<Option<ServedGeneration>> {
        let generation = id.clone();
        let copy = self.blocking(move |source| source.kept_copy(&generation)).await?;
        let Some(copy) = copy else { return Ok(None) };
        let generation = id.clone();
        match self.blocking(move |source| source.open(&generation, Some(copy.into()))).await {
            Ok(generation) => {
                tracing::info!("took over the kept copy of generation {id}");
                Ok(Some(generation))
            }
            Err(error) => {
                tracing::warn!("cannot open the kept copy of generation {id}, fetching another: {error}");
                Ok(None)
            }
        }
    }

    /// Returns whether this poll skips a refused generation. Damage is permanent, but space on a full disk may be
    /// freed. Attempts therefore continue at growing intervals.
    fn pauses(&mut self, id: &GenerationId) -> bool {
        match &mut self.refused {
            Some(refused) if refused.id.as_ref() == Some(id) && refused.remaining > 0 => {
                refused.remaining -= 1;
                true
            }
            _ => false,
        }
    }

    /// Records a failure, and logs it unless the preceding failure was the same.
    fn refuse(&mut self, id: Option<GenerationId>, error: &Error) {
        const MAX_PAUSE: u32 = 60;

        self.metrics.count_reload(false);
        let reason = error.to_string();
        let before = self.refused.take().filter(|before| before.id == id);
        if before.as_ref().is_none_or(|before| before.reason != reason) {
            let served = if self.current.is_empty() {
                "nothing is served yet"
            } else {
                "the one before is still served"
            };
            match &id {
                Some(id) => tracing::error!("cannot serve generation {id}: {reason}; {served}"),
                None => tracing::warn!("{reason}; {served}"),
            }
        }
        let pause = before.map_or(1, |before| (before.pause * 2).min(MAX_PAUSE));
        self.refused = Some(Refused { id, reason, pause, remaining: pause });
    }
}
