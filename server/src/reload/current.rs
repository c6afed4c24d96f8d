//! The served generation, its replacement and its closing.
//!
//! The copy that is served at the end is kept for the next server, which opens it without a fetch.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use store::GenerationId;
use store::reader::LocalGeneration;
use tokio::task::spawn_blocking;

use crate::served_generation::ServedGeneration;

/// The served generation; none before the first is open.
#[derive(Debug, Default)]
pub(crate) struct Current(ArcSwapOption<ServedGeneration>);

impl Current {
    /// The generation, for one request. The guard must not be held across an await: the generation would stay open until
    /// the slowest client has sent its body.
    pub(crate) fn load(&self) -> Guard<Option<Arc<ServedGeneration>>> {
        self.0.load()
    }

    /// Closes the generation and returns once its working copy is on disk, for the next server.
    pub(crate) async fn close(&self) {
        if let Some(last) = self.0.swap(None) {
            let keep = spawn_blocking(move || {
                let copy = last.generation.copy();
                close(last);
                // The copy may also be that of the previous generation, after a rollback, until the follower is dropped.
                wait_until_unshared(copy).keep()
            });
            // A panic in sled has been printed; it leaves the copy in doubt, and the copy is not kept.
            if let Ok(Err(error)) = keep.await {
                tracing::warn!("the next start fetches the generation again: {error}");
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.load().is_none()
    }

    pub(super) fn is(&self, id: &GenerationId) -> bool {
        self.load().as_deref().is_some_and(|generation| generation.manifest().generation == *id)
    }

    /// Serves another generation. Returns the copy of the one before, which is closed by then.
    pub(super) async fn replace(&self, generation: ServedGeneration) -> Option<Arc<LocalGeneration>> {
        let old = self.0.swap(Some(Arc::new(generation)))?;
        let copy = old.generation.copy();
        // A panic in sled leaves the copy in doubt: it is not kept.
        spawn_blocking(move || close(old)).await.ok().map(|()| copy)
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
