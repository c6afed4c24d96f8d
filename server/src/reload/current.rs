//! What is served now, and how it is let go of.
//!
//! The copy that is served at the end is kept for the next server, which opens it without reading it whole.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use store::GenerationId;
use store::reader::LocalGeneration;
use tokio::task::spawn_blocking;

use crate::edition::Edition;

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

    pub(super) fn is_empty(&self) -> bool {
        self.load().is_none()
    }

    pub(super) fn is(&self, id: &GenerationId) -> bool {
        self.load().as_deref().is_some_and(|edition| edition.generation.manifest().generation == *id)
    }

    /// Serves another generation from now on. Returns the copy of the one before, which is closed by then.
    pub(super) async fn replace(&self, edition: Edition) -> Option<Arc<LocalGeneration>> {
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
