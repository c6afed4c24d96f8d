//! The served generation, its replacement and its closing.
//!
//! The copy that is served at the end is kept for the next server, which opens it without a fetch. The copy of the
//! generation before is kept until the next replacement, so that a rollback needs no fetch.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use store::GenerationId;
use store::reader::LocalGeneration;

use crate::background;
use crate::error::Error;
use crate::served_generation::ServedGeneration;

/// The served generation; none before the first is open.
#[derive(Debug, Default)]
pub(crate) struct Current {
    served: ArcSwapOption<ServedGeneration>,
    /// The copy of the generation that was served before, closed.
    previous: Mutex<Option<Arc<LocalGeneration>>>,
    /// The reason why none is served, once it is known.
    reason: Mutex<Option<&'static str>>,
}

impl Current {
    /// The generation, for one request. The guard must not be held across an await: the generation would stay open until
    /// the slowest client has sent its body.
    pub(crate) fn load(&self) -> Guard<Option<Arc<ServedGeneration>>> {
        self.served.load()
    }

    /// Why no generation is served, for clients.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or("no generation is open yet")
    }

    /// Closes the generation and returns once its working copy is on disk, for the next server. The copy of the one before
    /// is removed.
    pub(crate) async fn close(&self) {
        let (last, previous) = (self.served.swap(None), self.take_previous(None));
        let kept = background::run(move || {
            drop(previous);
            let Some(last) = last else { return Ok(()) };
            let copy = last.generation.copy();
            close(last);
            // An attempt to open another generation may still hold it.
            wait_until_unshared(copy).keep()
        });
        // A panic in sled has been printed; it leaves the copy in doubt, and the copy is not kept.
        if let Ok(Err(error)) = kept.await {
            tracing::warn!("the next start fetches the generation again: {error}");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.load().is_none()
    }

    pub(super) fn is(&self, id: &GenerationId) -> bool {
        self.load().as_deref().is_some_and(|generation| generation.manifest().generation == *id)
    }

    /// The copy of the generation that was served before, if it is of a generation.
    pub(super) fn previous(&self, id: &GenerationId) -> Option<Arc<LocalGeneration>> {
        let previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        previous.clone().filter(|copy| copy.manifest().generation == *id)
    }

    /// Serves another generation, and returns once the one before is closed.
    pub(super) async fn replace(&self, generation: ServedGeneration) {
        let Some(old) = self.served.swap(Some(Arc::new(generation))) else { return };
        let copy = old.generation.copy();
        // A panic in sled leaves the copy in doubt: it is not kept.
        let copy = background::run(move || close(old)).await.ok().map(|()| copy);
        let last = self.take_previous(copy);
        // The drop deletes files. Where no thread can be started, it is done by this one.
        let _ = background::run(move || drop(last)).await;
    }

    /// Remembers why a generation cannot be served.
    pub(super) fn set_reason(&self, error: &Error) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.for_clients());
    }

    fn take_previous(&self, new: Option<Arc<LocalGeneration>>) -> Option<Arc<LocalGeneration>> {
        std::mem::replace(&mut *self.previous.lock().unwrap_or_else(PoisonError::into_inner), new)
    }
}

/// Closes a generation as soon as the last request has released it, a matter of microseconds. A request that released it
/// last would otherwise close it, and take milliseconds.
fn close(generation: Arc<ServedGeneration>) {
    drop(wait_until_unshared(generation));
}

/// Waits until this is the only reference.
fn wait_until_unshared<T>(mut shared: Arc<T>) -> T {
    loop {
        match Arc::try_unwrap(shared) {
            Ok(own) => return own,
            Err(still_shared) => shared = still_shared,
        }
        thread::sleep(Duration::from_millis(1));
    }
}
