//! Blocking work beside the requests: on a thread of its own, and watched.
//!
//! A file system or an object store that does not answer stops the thread that asks it, possibly for ever. So all work
//! with files runs on a thread that does nothing else: neither accepting nor serving nor the end of the process waits for
//! it. A [`Watchdog`] also makes such work visible.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{Error, Result};

/// The maximum pause between two readings after slow ones.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Runs work on a thread of its own. The work goes on if the future is dropped.
///
/// # Errors
/// [`Error::System`] where no thread can be started; [`Error::Crashed`] where the work panics.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::Builder::new().name("background".to_owned());
    thread
        .spawn(move || {
            // The future may have been dropped in the meantime.
            let _ = sender.send(work());
        })
        .map_err(|source| Error::System { action: "start a thread", source })?;
    receiver.await.map_err(|_| Error::Crashed)
}

/// The time after which a reading is overdue, by the interval between two readings.
pub(crate) fn time_limit(interval: Duration) -> Duration {
    (interval * 10).clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// Watches the readings of one source, which follow each other: the next one begins when the one before has ended.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// The source, for the log and for clients.
    source: &'static str,
    /// The number of readings that took longer than their limit.
    n_slow: Counter,
    /// 1 while a reading takes longer than its limit, else 0.
    n_overdue: Gauge,
    overdue: Mutex<Option<Overdue>>,
    /// The number of slow readings since the last one in time.
    n_in_row: AtomicU32,
}

/// A reading that takes longer than its limit.
#[derive(Debug, Clone, Copy)]
struct Overdue {
    action: &'static str,
    since: Instant,
}

impl Watchdog {
    pub(crate) fn new(source: &'static str, n_slow: Counter, n_overdue: Gauge) -> Self {
        Self { source, n_slow, n_overdue, overdue: Mutex::default(), n_in_row: AtomicU32::new(0) }
    }

    /// Runs a reading on a thread of its own and returns when it has ended, however late that is. One that takes longer
    /// than `limit` is logged, counted and shown as overdue. `action` is a participle, for messages.
    ///
    /// # Errors
    /// The errors of the reading and of [`run`].
    pub(crate) async fn watch<T: Send + 'static>(
        &self,
        action: &'static str,
        limit: Duration,
        read: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let since = Instant::now();
        let mut reading = Box::pin(run(read));
        if let Ok(ended) = timeout(limit, &mut reading).await {
            self.n_in_row.store(0, Ordering::Relaxed);
            return ended?;
        }
        self.n_in_row.fetch_add(1, Ordering::Relaxed);
        self.n_slow.inc();
        self.set(Some(Overdue { action, since }));
        tracing::error!(
            "{action} {} has taken {} s and goes on; nothing new is read from it until that ends; check its disk or network",
            self.source,
            limit.as_secs()
        );
        let ended = reading.await;
        self.set(None);
        tracing::info!("{action} {} has ended after {} s", self.source, since.elapsed().as_secs());
        ended?
    }

    /// The pause until the next reading: the interval, doubled for each slow reading in a row.
    pub(crate) fn pause(&self, interval: Duration) -> Duration {
        let factor = 2_u32.saturating_pow(self.n_in_row.load(Ordering::Relaxed));
        interval.saturating_mul(factor).min(MAX_PAUSE.max(interval))
    }

    /// The overdue reading as a sentence for clients; `None` where all is in time.
    pub(crate) fn overdue(&self) -> Option<String> {
        let Overdue { action, since } = (*self.overdue.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(format!("{action} {} has taken {} s and goes on", self.source, since.elapsed().as_secs()))
    }

    fn set(&self, overdue: Option<Overdue>) {
        self.n_overdue.set(i64::from(overdue.is_some()));
        *self.overdue.lock().unwrap_or_else(PoisonError::into_inner) = overdue;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_reading_that_hangs_is_shown_until_it_ends_and_doubles_the_pause() {
        const SECOND: Duration = Duration::from_secs(1);

        let (slow, gauge) = (Counter::default(), Gauge::default());
        let watchdog = Watchdog::new("the store", slow.clone(), gauge.clone());
        assert_eq!(watchdog.watch("reading", PATIENCE, || Ok(1)).await.unwrap(), 1);
        assert_eq!((watchdog.overdue(), watchdog.pause(SECOND), slow.get()), (None, SECOND, 0));
        for n in 1..=2 {
            let (release, released) = channel();
            let reading = watchdog.watch("reading", Duration::from_millis(1), move || {
                released.recv().unwrap();
                Ok(2)
            });
            let look = async {
                while watchdog.overdue().is_none() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                assert!(watchdog.overdue().unwrap().starts_with("reading the store has taken"));
                assert_eq!((gauge.get(), slow.get()), (1, n));
                release.send(()).unwrap();
            };
            assert_eq!(tokio::join!(reading, look).0.unwrap(), 2);
            assert_eq!((gauge.get(), watchdog.overdue()), (0, None));
            assert_eq!(watchdog.pause(SECOND), SECOND * 2_u32.pow(n as u32));
        }
        assert!(watchdog.watch("reading", PATIENCE, || Err::<(), _>(Error::Crashed)).await.is_err());
        assert_eq!(watchdog.pause(SECOND), SECOND);
        assert_eq!(watchdog.pause(MAX_PAUSE * 2), MAX_PAUSE * 2);
    }

    /// Longer than the slowest machine needs.
    const PATIENCE: Duration = Duration::from_secs(120);

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let ended = run(|| assert!(std::hint::black_box(false), "on purpose")).await;
        assert!(matches!(ended, Err(Error::Crashed)));
    }
}
