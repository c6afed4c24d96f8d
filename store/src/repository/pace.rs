//! A bound on how fast a generation is fetched, so that fetching leaves room for serving.

use std::thread;
use std::time::{Duration, Instant};

/// How many bytes a second fetching may take, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth(Option<u64>);

/// Keeps one fetch to its bandwidth.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    start: Instant,
    n_bytes: u64,
}

impl Bandwidth {
    /// As fast as it goes.
    pub const UNBOUNDED: Self = Self(None);

    /// At most so many bytes a second, which must be more than none.
    #[must_use]
    pub fn bytes_per_second(bytes: u64) -> Self {
        Self(Some(bytes.max(1)))
    }

    pub(super) fn pace(self) -> Pace {
        Pace { bytes_per_second: self.0, start: Instant::now(), n_bytes: 0 }
    }
}

impl Pace {
    /// Whether there is a bound at all.
    pub(super) fn is_bounded(&self) -> bool {
        self.bytes_per_second.is_some()
    }

    /// Counts bytes that were fetched, and waits for as long as they should have taken.
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
