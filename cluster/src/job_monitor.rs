//! Detection of lost jobs, by the time in which no job of the driver ends.
//!
//! A message between the scheduler and an executor may be lost although both are alive. The scheduler then waits for a
//! task that the executor does not have, and no timeout of Ballista ends that wait. A *silence* is the time since the
//! last end of any job, or since the begin of the waiting job if that is later. Shards take similar times, so a silence
//! of many times the longest earlier one means a lost job. A wrong detection costs time only: shards are computed
//! twice, with the same results.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The factor of the longest earlier silence in the maximum silence.
const FACTOR: u32 = 10;

/// The record of the ends of a driver's jobs.
#[derive(Debug)]
pub(crate) struct JobMonitor {
    /// The part of the maximum silence that is independent of earlier ones.
    min_silence: Duration,
    ends: Mutex<Ends>,
}

#[derive(Debug)]
struct Ends {
    /// The longest silence before an end of a job; `None` before the first end. It hardly exceeds the time of one job,
    /// for a queue of any length.
    longest: Option<Duration>,
    /// The silence after which jobs were last taken for lost; zero once a job has ended since.
    detected_silence: Duration,
    /// The time of the last end of a job.
    last: Instant,
    /// Jobs that began before this time are lost.
    lost_before: Option<Instant>,
}

impl JobMonitor {
    pub(crate) fn new(min_silence: Duration, now: Instant) -> Self {
        let ends = Ends { longest: None, detected_silence: Duration::ZERO, last: now, lost_before: None };
        Self { min_silence, ends: Mutex::new(ends) }
    }

    /// Records the successful end of a job.
    pub(crate) fn ended(&self, begin: Instant, now: Instant) {
        let mut ends = self.ends();
        ends.longest = ends.longest.max(Some(now - ends.last.max(begin)));
        (ends.last, ends.detected_silence) = (now, Duration::ZERO);
    }

    /// Returns whether the job that began at `begin` is lost. All running jobs are lost together; each call returns it
    /// for one.
    pub(crate) fn is_lost(&self, begin: Instant, now: Instant) -> bool {
        let mut ends = self.ends();
        let silence = now - ends.last.max(begin);
        if let Some(longest) = ends.longest
            && silence > self.min_silence + longest.max(ends.detected_silence) * FACTOR
        {
            // The detection may be wrong, since other jobs can come first in the queue. The next one takes far longer.
            (ends.detected_silence, ends.lost_before) = (silence, Some(now));
        }
        ends.lost_before.is_some_and(|moment| begin < moment)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_lost_after_many_times_the_longest_earlier_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let monitor = JobMonitor::new(Duration::from_secs(60), start);
        assert!(!monitor.is_lost(start, at(3000)), "no job has ended yet");
        monitor.ended(at(2970), at(3000));
        monitor.ended(at(2970), at(3001));
        // 60 + 10 x 30 seconds after the last end.
        assert!(!monitor.is_lost(start, at(3361)));
        assert!(monitor.is_lost(at(3000), at(3362)));
        assert!(monitor.is_lost(start, at(3362)), "another running job");
        assert!(!monitor.is_lost(at(3362), at(3363)), "a job that was submitted again");
        // Without an end of a job, the next detection takes longer: 60 + 10 x 361 seconds.
        assert!(!monitor.is_lost(at(3362), at(3362 + 3670)));
        assert!(monitor.is_lost(at(3362), at(3362 + 3671)));
        // After the end of a job, it does not.
        monitor.ended(at(7033), at(7040));
        assert!(!monitor.is_lost(at(7033), at(7400)));
        assert!(monitor.is_lost(at(7033), at(7401)));
    }

    #[test]
    fn the_maximum_silence_does_not_grow_with_the_queue() {
        let start = Instant::now();
        let monitor = JobMonitor::new(Duration::from_secs(60), start);
        let ends = (1..=1000).map(|n| start + Duration::from_secs(2 * n));
        let last = ends.inspect(|&end| monitor.ended(start, end)).last().unwrap();
        assert!(!monitor.is_lost(start, last + Duration::from_secs(80)));
        assert!(monitor.is_lost(start, last + Duration::from_secs(81)));
    }

    #[test]
    fn the_silence_of_a_job_begins_with_the_job() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let monitor = JobMonitor::new(Duration::from_secs(60), start);
        monitor.ended(start, at(1));
        assert!(!monitor.is_lost(at(9000), at(9070)));
        assert!(monitor.is_lost(at(9000), at(9071)));
    }
}
