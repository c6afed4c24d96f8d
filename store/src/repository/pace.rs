//! A bound on the bandwidth of a fetch, so that a server has resources left for requests.

use std::thread;
use std::time::{Duration, Instant};

/// The maximum of bytes per second that a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth(Option<u64>);

/// Slows one fetch down to its bandwidth.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    start: Instant,
    n_bytes: u64,
}

impl Bandwidth {
    /// No maximum.
    pub const UNBOUNDED: Self = Self(None);

    /// A maximum of bytes per second, at least 1.
    #[must_use]
    pub fn bytes_per_second(bytes: u64) -> Self {
        Self(Some(bytes.max(1)))
    }

    /// The maximum of bytes per second; `None` where there is none.
    #[must_use]
    pub fn bound(self) -> Option<u64> {
        self.0
    }

    pub(super) fn pace(self) -> Pace {
        Pace { bytes_per_second: self.0, start: Instant::now(), n_bytes: 0 }
    }
}

impl Pace {
    /// Whether there is a maximum.
    pub(super) fn is_bounded(&self) -> bool {
        self.bytes_per_second.is_some()
    }

    /// Counts fetched bytes and waits until the bandwidth allows for them.
    pub(super) fn count(&mut self, bytes: u64) {
        self.n_bytes += bytes;
        if let Some(rate) = self.bytes_per_second {
            let due = Duration::from_secs_f64(self.n_bytes as f64 / rate as f64);
            thread::sleep(due.saturating_sub(self.start.elapsed()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_at_least_the_time_that_the_bound_gives_them() {
        let mut pace = Bandwidth::bytes_per_second(1_000_000).pace();
        let start = Instant::now();
        (0..10).for_each(|_| pace.count(5_000));
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert!(!Bandwidth::UNBOUNDED.pace().is_bounded());
    }
}
