//! Follows `CURRENT`: opens what it names and puts it in the place of what was served before.
//!
//! Requests never wait for this. Fetching, checking and opening happen on a blocking thread, the swap is one
//! pointer, and the old generation is closed where it blocks nobody. Its copy stays until the next swap, so that going
//! back to it takes an opening and no fetch. A generation that cannot be served changes nothing: the old one stays.

mod current;

use std::sync::Arc;

use store::reader::LocalGeneration;
use store::{GenerationId, Repository};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::edition::Edition;
use crate::error::{Error, Result};
pub(crate) use current::Current;

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
    previous: Option<Arc<LocalGeneration>>,
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
                None => {
                    let owned = &settings.shards;
                    repository.fetch(&id, &settings.work_dir, owned, settings.bandwidth())?.into()
                }
            };
            Edition::open(copy, settings.cache_bytes())
        });
        edition.await?
    }

    /// Opens the copy of a generation that a server kept at its end. One that cannot be opened goes: a fetch may do
    /// better.
    async fn take_over(&self, id: &GenerationId) -> Result<Option<Edition>> {
        let (repository, app, wanted) = (Arc::clone(&self.repository), Arc::clone(&self.app), id.clone());
        let adopted =
            spawn_blocking(move || repository.adopt(&wanted, &app.settings.work_dir, &app.settings.shards));
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
