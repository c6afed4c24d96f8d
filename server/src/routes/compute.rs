//! Computations: answers that take milliseconds.
//!
//! Each runs on a thread beside the worker that received the request. The number of those that run or wait is bounded. When
//! a connection ends, its request is dropped; the computation is then skipped if it waits, and ends at its next
//! [`Computation::check`] if it runs. A client that disconnects is noticed only when the answer is sent: before, it may have
//! closed its sending side alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use crate::app::App;
use crate::caching::{self, Preferences};
use crate::problem::Problem;
use crate::response::Answer;

/// The maximum number of computations that run or wait; at some milliseconds each, another server is faster than the end of
/// this queue.
const MAX_COMPUTATIONS: usize = 64;

/// A computation while it runs.
pub(super) struct Computation<'a> {
    pub(super) app: &'a App,
    pub(super) client: Option<&'a Preferences>,
    /// Closed when the request is dropped.
    answer: &'a oneshot::Sender<Answer>,
}

impl Computation<'_> {
    /// Ends a computation that has no client any more. To be called between steps.
    ///
    /// # Errors
    /// A problem, which is not sent, because there is no client.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.answer.is_closed() { Err(Problem::too_busy()) } else { Ok(()) }
    }
}

/// A place among the computations, free again when dropped.
struct Slot(Arc<App>);

impl Slot {
    /// # Errors
    /// 503 where all places are taken.
    fn take(app: &Arc<App>) -> Result<Self, Problem> {
        let n_before = app.n_computations.fetch_add(1, Ordering::Relaxed);
        let slot = Self(Arc::clone(app));
        if n_before < MAX_COMPUTATIONS { Ok(slot) } else { Err(Problem::too_busy()) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.n_computations.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Computes an answer on another thread, and compresses it there.
pub(super) async fn compute(
    app: &Arc<App>,
    client: Option<&Preferences>,
    work: impl FnOnce(&Computation<'_>) -> Answer + Send + 'static,
) -> Answer {
    let (slot, client) = (Slot::take(app)?, client.cloned());
    let (sender, receiver) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let client = client.as_ref();
        let computation = Computation { app: &slot.0, client, answer: &sender };
        if computation.check().is_err() {
            return;
        }
        let mut answer = work(&computation);
        if let Ok(response) = &mut answer {
            caching::compress(response, client);
        }
        // The client may have disconnected meanwhile.
        let _ = sender.send(answer);
    });
    // A computation that panics drops its sender.
    receiver.await.unwrap_or_else(|_| Err(Problem::crashed()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use clap::Parser;
    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;
    use crate::response::text;
    use crate::settings::CommandLine;

    fn app() -> Arc<App> {
        Arc::new(App::new(CommandLine::parse_from(["server"]).settings).unwrap())
    }

    #[test]
    fn computations_of_clients_that_have_gone_are_skipped_and_free_their_slots() {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (app, n_run) = (app(), Arc::new(AtomicUsize::new(0)));
            let (started, has_started) = mpsc::channel();
            let (release, is_released) = mpsc::channel::<()>();
            let (checked, was_cancelled) = mpsc::channel();
            // The first occupies the only thread until it is released; its client leaves while it runs.
            let mut first = Box::pin(compute(&app, None, move |computation| {
                started.send(()).unwrap();
                is_released.recv().unwrap();
                checked.send(computation.check().is_err()).unwrap();
                Ok(text("late"))
            }));
            assert!(timeout(Duration::ZERO, first.as_mut()).await.is_err());
            has_started.recv().unwrap();
            drop(first);
            for _ in 1..MAX_COMPUTATIONS {
                let n_run = Arc::clone(&n_run);
                let waiting = compute(&app, None, move |_| {
                    n_run.fetch_add(1, Ordering::Relaxed);
                    Ok(text("unwanted"))
                });
                assert!(timeout(Duration::ZERO, waiting).await.is_err());
            }
            assert_eq!(
                compute(&app, None, |_| Ok(text("refused"))).await.unwrap_err().into_response().status(),
                503
            );
            release.send(()).unwrap();
            assert!(was_cancelled.recv().unwrap());
            while app.n_computations.load(Ordering::Relaxed) > 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(n_run.load(Ordering::Relaxed), 0);
            let answer =
                compute(&app, None, |computation| computation.check().map(|()| text("wanted"))).await;
            assert_eq!(answer.unwrap().body(), b"wanted");
        });
    }

    #[test]
    fn a_computation_that_panics_is_answered_with_500() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let app = app();
        let answer = runtime.block_on(compute(&app, None, |_| panic!("on purpose")));
        assert_eq!(answer.unwrap_err().into_response().status(), 500);
        // The slot may be freed after the answer.
        while app.n_computations.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
    }
}
