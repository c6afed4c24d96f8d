//! The share of a thread that a connection gets at a time, so that a client that always sends does not keep others waiting.
//!
//! A turn lasts from the moment at which the thread goes over to the connection until the connection waits. It waits at the
//! latest before a second answer, and after some bytes of a body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The number of received bytes that end a turn: some requests, or a part of a long body.
const MAX_BYTES: usize = 64 << 10;

/// The work that has been done in a turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    n_bytes: AtomicUsize,
    has_answered: AtomicBool,
}

impl Turn {
    /// Runs a connection, in turns.
    pub(super) async fn run<C: Future>(&self, mut connection: Pin<&mut C>) -> C::Output {
        poll_fn(|context| {
            self.n_bytes.store(0, Ordering::Relaxed);
            self.has_answered.store(false, Ordering::Relaxed);
            connection.as_mut().poll(context)
        })
        .await
    }

    /// Whether as many bytes as a turn may have were received.
    pub(super) fn has_all_bytes(&self) -> bool {
        self.n_bytes.load(Ordering::Relaxed) >= MAX_BYTES
    }

    pub(super) fn count_bytes(&self, n: usize) {
        self.n_bytes.fetch_add(n, Ordering::Relaxed);
    }

    /// Whether a request was answered.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_answered(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn each_turn_begins_without_bytes_and_answers() {
        let turn = Turn::default();
        let connection = async {
            turn.count_bytes(MAX_BYTES - 1);
            assert!(!turn.has_all_bytes() && !turn.has_answered());
            turn.count_bytes(1);
            turn.set_answered();
            assert!(turn.has_all_bytes() && turn.has_answered());
            yield_now().await;
            assert!(!turn.has_all_bytes() && !turn.has_answered());
        };
        turn.run(pin!(connection)).await;
    }
}
