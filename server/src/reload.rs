//! Reloading: opens the generation that `CURRENT` names, and replaces the served one.
//!
//! Input: a repository, polled by [`follow`]. Output: the generation in [`Current`]. Fetching, checking and opening
//! happen on threads of their own, so that requests never wait, and are watched. The old generation is closed after the
//! swap. A generation that cannot be served changes nothing.

mod current;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use store::manifest::Manifest;
use store::reader::LocalGeneration;
use store::repository::Bandwidth;
use store::shards::Owned;
use store::{GenerationId, Location, Repository};

use crate::app::App;
use crate::background::time_limit;
use crate::error::{Error, Result};
use crate::served_generation::ServedGeneration;
pub(crate) use current::Current;

/// The bytes per second of the slowest disk or network on which opening a generation is not overdue.
const SLOWEST: u64 = 5 << 20;

/// Polls `CURRENT` and serves the generation that it names, for as long as the future is polled.
pub(crate) async fn follow(app: &App, repository: Repository) {
    let settings = &app.settings;
    let source = Source {
        repository,
        store: settings.store.clone(),
        work_dir: settings.work_dir.clone(),
        shards: settings.shards.clone(),
        bandwidth: settings.bandwidth(),
        cache_bytes: settings.cache_bytes(),
    };
    let mut follower = Follower { app, source: Arc::new(source), refused: None };
    loop {
        follower.poll().await;
        // A random factor spreads the polls of servers that were started together.
        let pause = app.store_watchdog.pause(settings.poll_interval);
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.9..1.1))).await;
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

/// The bytes of a generation's files.
fn n_bytes(manifest: &Manifest) -> u64 {
    manifest.files.values().fold(0, |sum, file| file.bytes.saturating_add(sum))
}

/// The state between polls.
struct Follower<'a> {
    app: &'a App,
    source: Arc<Source>,
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
        match self.read("reading CURRENT in", |source| source.current_id()).await {
            Ok(id) if self.app.current.is(&id) => self.refused = None,
            Ok(id) if self.pauses(&id) => {}
            Ok(id) => match self.open(id.clone()).await {
                Ok(generation) => {
                    self.app.current.replace(generation).await;
                    self.app.metrics.count_reload(true);
                    self.refused = None;
                    tracing::info!("serving generation {id}");
                }
                Err(error) => self.refuse(Some(id), &error),
            },
            Err(error) => self.refuse(None, &error),
        }
    }

    /// Reads a little from the source on another thread.
    async fn read<T: Send + 'static>(
        &self,
        action: &'static str,
        read: impl FnOnce(&Source) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.watch(action, time_limit(self.app.settings.poll_interval), read).await
    }

    async fn watch<T: Send + 'static>(
        &self,
        action: &'static str,
        limit: Duration,
        read: impl FnOnce(&Source) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let source = Arc::clone(&self.source);
        self.app.store_watchdog.watch(action, limit, move || read(&source)).await
    }

    async fn open(&self, id: GenerationId) -> Result<ServedGeneration> {
        if self.app.current.is_empty()
            && let Some(generation) = self.open_kept(id.clone()).await?
        {
            return Ok(generation);
        }
        let previous = self.app.current.previous(&id);
        self.open_copy(id, previous).await
    }

    /// Opens a generation from a copy, or fetches one. What is overdue depends on the size of the generation.
    async fn open_copy(
        &self,
        id: GenerationId,
        copy: Option<Arc<LocalGeneration>>,
    ) -> Result<ServedGeneration> {
        let settings = &self.app.settings;
        let n_bytes = match &copy {
            Some(copy) => n_bytes(copy.manifest()),
            None => {
                let id = id.clone();
                let read = move |source: &Source| Ok(n_bytes(&source.repository.manifest(&id)?));
                self.read("reading a manifest in", read).await?
            }
        };
        // Half of the bandwidth leaves as much time for opening as for the fetch.
        let speed = settings.bandwidth().bound().map_or(SLOWEST, |bound| SLOWEST.min(bound / 2).max(1));
        let limit = time_limit(settings.poll_interval) + Duration::from_secs(n_bytes / speed);
        self.watch("opening a generation of", limit, move |source| source.open(&id, copy)).await
    }

    /// Opens the copy that an earlier server has kept. A copy that cannot be opened is removed, and the generation is
    /// then fetched.
    async fn open_kept(&self, id: GenerationId) -> Result<Option<ServedGeneration>> {
        let generation = id.clone();
        let copy = self.read("reading a manifest in", move |source| source.kept_copy(&generation)).await?;
        let Some(copy) = copy else { return Ok(None) };
        match self.open_copy(id.clone(), Some(copy.into())).await {
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

    /// Records a failure. It is counted unless the same generation was refused before, and logged unless the preceding
    /// failure was the same.
    fn refuse(&mut self, id: Option<GenerationId>, error: &Error) {
        const MAX_PAUSE: u32 = 60;

        self.app.current.set_reason(error);
        let reason = error.to_string();
        let before = self.refused.take().filter(|before| before.id == id);
        if before.is_none() {
            self.app.metrics.count_reload(false);
        }
        if before.as_ref().is_none_or(|before| before.reason != reason) {
            let served = if self.app.current.is_empty() {
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
