//! Follows `CURRENT`: opens what it names and puts it in the place of what was served before.
//!
//! Requests never wait for this. Fetching, checking and opening happen on a blocking thread, the swap is one
//! pointer, and the old generation is closed where it blocks nobody. Its copy stays until the next swap, so that going
//! back to it takes an opening and no fetch. A generation that cannot be served changes nothing: the old one stays.
//!
//! The copy that is served at the end is kept for the next server, which opens it without reading it whole.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use store::reader::LocalCopy;
use store::{GenerationId, Repository};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::edition::Edition;
use crate::error::{Error, Result};

/// The generation that is served now; none before the first.
#[derive(Debug, Default)]
pub(crate) struct Current(ArcSwapOption<Edition>);

impl Current {
    /// The generation for one request. The guard must not be held across an await: what it guards would
    /// live on for as long as the slowest client reads.
    pub(crate) fn load(&self) -> Guard<Option<Arc<Edition>>> {
        self.0.load()
    }

    /// Lets go of the generation and returns when its working copy is on disk, to be taken over by the next server.
    pub(crate) async fn close(&self) {
        if let Some(last) = self.0.swap(None) {
            let keeping = spawn_blocking(move || {
                let copy = last.generation.copy();
                retire(last);
                // It may still be let go of as the one before, after a switch back to it.
                alone(copy).keep()
            });
            // A panic in sled has been printed; it leaves the copy in doubt, and that is not kept.
            if let Ok(Err(error)) = keeping.await {
                tracing::warn!("the next start takes a fetch: {error}");
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.load().is_none()
    }

    fn is(&self, id: &GenerationId) -> bool {
        self.load().as_deref().is_some_and(|edition| edition.generation.manifest().generation == *id)
    }

    /// Serves another generation from now on. Returns the copy of the one before, which is closed by then.
    async fn replace(&self, edition: Edition) -> Option<Arc<LocalCopy>> {
        let old = self.0.swap(Some(Arc::new(edition)))?;
        let copy = old.generation.copy();
        // A panic in sled leaves the copy in doubt: it is not kept.
        spawn_blocking(move || retire(old)).await.ok().map(|()| copy)
    }
}

/// Closes a generation as soon as the last request is done with it: a matter of microseconds. Waiting for that here
/// keeps the closing from falling to the request.
fn retire(old: Arc<Edition>) {
    drop(alone(old));
}

/// Waits until nobody else holds something.
fn alone<T>(mut shared: Arc<T>) -> T {
    loop {
        match Arc::try_unwrap(shared) {
            Ok(own) => return own,
            Err(still_shared) => shared = still_shared,
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Looks at `CURRENT` every now and then, for as long as it is polled.
pub(crate) async fn follow(app: Arc<App>, repository: Repository) {
    let poll_interval = app.settings.poll_interval;
    let mut follower = Follower { app, repository: Arc::new(repository), previous: None, refused: None };
    loop {
        follower.look().await;
        // Servers that were started together should not ask together for ever.
        tokio::time::sleep(poll_interval.mul_f64(rand::random_range(0.9..1.1))).await;
    }
}

/// What is followed, and what was last wrong with it.
#[derive(Debug)]
struct Follower {
    app: Arc<App>,
    repository: Arc<Repository>,
    /// The generation that was served before the current one, verified and closed.
    previous: Option<Arc<LocalCopy>>,
    refused: Option<Refused>,
}

/// What could not be served.
#[derive(Debug)]
struct Refused {
    /// The generation; none where `CURRENT` itself could not be read.
    id: Option<GenerationId>,
    /// Why, as logged.
    reason: String,
    /// How many looks the last pause took.
    pause: u32,
    /// How many looks to go until it is tried again.
    remaining: u32,
}

impl Follower {
    async fn look(&mut self) {
        match self.named().await {
            Ok(id) if self.app.current.is(&id) => self.refused = None,
            Ok(id) if self.pausing(&id) => {}
            Ok(id) => match self.open(id.clone()).await {
                Ok(edition) => {
                    let before = self.app.current.replace(edition).await;
                    self.app.metrics.reloaded(true);
                    let last = std::mem::replace(&mut self.previous, before);
                    // Deletes files.
                    spawn_blocking(move || drop(last));
                    self.refused = None;
                    tracing::info!("serving generation {id}");
                }
                Err(error) => self.refuse(Some(id), &error),
            },
            Err(error) => self.refuse(None, &error),
        }
    }

    /// The generation that `CURRENT` names.
    async fn named(&self) -> Result<GenerationId> {
        let repository = Arc::clone(&self.repository);
        let named = spawn_blocking(move || repository.current()).await??;
        named.ok_or_else(|| Error::NothingPublished { store: self.app.settings.store.clone() })
    }

    async fn open(&self, id: GenerationId) -> Result<Edition> {
        if self.app.current.is_empty()
            && let Some(edition) = self.take_over(&id).await?
        {
            return Ok(edition);
        }
        let previous = self.previous.clone().filter(|copy| copy.manifest().generation == id);
        let (repository, app) = (Arc::clone(&self.repository), Arc::clone(&self.app));
        let edition = spawn_blocking(move || {
            let settings = &app.settings;
            let copy = match previous {
                Some(copy) => copy,
                None => repository.fetch(&id, &settings.work_dir, settings.bandwidth())?.into(),
            };
            Edition::open(copy, settings.cache_bytes())
        });
        edition.await?
    }

    /// Opens the copy of a generation that a server kept at its end. One that cannot be opened goes: a fetch may do
    /// better.
    async fn take_over(&self, id: &GenerationId) -> Result<Option<Edition>> {
        let (repository, app, wanted) = (Arc::clone(&self.repository), Arc::clone(&self.app), id.clone());
        let adopted = spawn_blocking(move || repository.adopt(&wanted, &app.settings.work_dir));
        let Some(copy) = adopted.await?? else { return Ok(None) };
        let cache_bytes = self.app.settings.cache_bytes();
        let opened = spawn_blocking(move || Edition::open(copy.into(), cache_bytes)).await;
        match opened.map_err(Error::from).flatten() {
            Ok(edition) => {
                tracing::info!("took over the kept copy of generation {id}");
                Ok(Some(edition))
            }
            Err(error) => {
                tracing::warn!("cannot open the kept copy of generation {id}, fetching another: {error}");
                Ok(None)
            }
        }
    }

    /// Whether a generation was refused so recently that it is not worth another copy. Damage does not
    /// heal, but a full disk may be cleared: hence longer and longer pauses instead of none or no end.
    fn pausing(&mut self, id: &GenerationId) -> bool {
        match &mut self.refused {
            Some(refused) if refused.id.as_ref() == Some(id) && refused.remaining > 0 => {
                refused.remaining -= 1;
                true
            }
            _ => false,
        }
    }

    /// Notes what cannot be served; logs it when it is news.
    fn refuse(&mut self, id: Option<GenerationId>, error: &Error) {
        const LONGEST_PAUSE: u32 = 60;

        self.app.metrics.reloaded(false);
        let reason = error.to_string();
        let before = self.refused.take().filter(|before| before.id == id);
        if before.as_ref().is_none_or(|before| before.reason != reason) {
            let kept = match self.app.current.load().as_ref() {
                Some(_) => "the one before is still served",
                None => "nothing is served yet",
            };
            match &id {
                Some(id) => tracing::error!("cannot serve generation {id}: {reason}; {kept}"),
                None => tracing::warn!("{reason}; {kept}"),
            }
        }
        let pause = before.map_or(1, |before| (before.pause * 2).min(LONGEST_PAUSE));
        self.refused = Some(Refused { id, reason, pause, remaining: pause });
    }
}
