//! How often a driver's jobs end, and when those that do not are taken for lost.
//!
//! Where an answer goes astray between a scheduler and an executor who both live, the one waits for a task of which the
//! other knows nothing, and no timeout of theirs ends that. The driver sees it by the silence once nothing else is left to
//! end: shards are alike, so one that outlasts the longest silence before it many times over is not slow. Where that is
//! wrong, shards are computed twice, which comes to the same.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many times as long as the longest silence that has ended another may be.
const TIMES: u32 = 10;

/// The ends of a driver's jobs.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How long a silence may be in any case.
    least: Duration,
    ends: Mutex<Ends>,
}

#[derive(Debug)]
struct Ends {
    /// The longest silence that a job has ended; before the first has, there is no pace. However long the queue is, it is
    /// hardly longer than a job.
    longest: Option<Duration>,
    /// The silence after which jobs were last taken for lost, for as long as none has ended since.
    in_vain: Duration,
    /// When the last ended.
    last: Instant,
    /// What began before that is lost.
    lost_before: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(least: Duration, now: Instant) -> Self {
        let ends = Ends { longest: None, in_vain: Duration::ZERO, last: now, lost_before: None };
        Self { least, ends: Mutex::new(ends) }
    }

    /// Takes in that a job has ended well.
    pub(crate) fn ended(&self, begin: Instant, now: Instant) {
        let mut ends = self.ends();
        ends.longest = ends.longest.max(Some(now - ends.last.max(begin)));
        (ends.last, ends.in_vain) = (now, Duration::ZERO);
    }

    /// Whether a job is lost, with all others that are under way. These come to know it when they ask.
    pub(crate) fn is_lost(&self, begin: Instant, now: Instant) -> bool {
        let mut ends = self.ends();
        let silence = now - ends.last.max(begin);
        if let Some(longest) = ends.longest
            && silence > self.least + longest.max(ends.in_vain) * TIMES
        {
            // If that was wrong, for others come first in the queue, it takes far longer until it is thought again.
            (ends.in_vain, ends.lost_before) = (silence, Some(now));
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
    fn jobs_are_lost_when_the_silence_is_many_times_the_longest_before() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pace = Pace::new(Duration::from_secs(60), start);
        assert!(!pace.is_lost(start, at(3000)), "how long a job takes is not known yet");
        pace.ended(at(2970), at(3000));
        pace.ended(at(2970), at(3001));
        // 60 + 10 x 30 seconds after the last end.
        assert!(!pace.is_lost(start, at(3361)));
        assert!(pace.is_lost(at(3000), at(3362)));
        assert!(pace.is_lost(start, at(3362)), "another that was under way");
        assert!(!pace.is_lost(at(3362), at(3363)), "one that was handed out again");
        // Whoever was wrong waits longer the next time: 60 + 10 x 361 seconds.
        assert!(!pace.is_lost(at(3362), at(3362 + 3670)));
        assert!(pace.is_lost(at(3362), at(3362 + 3671)));
        // Whoever was right, not.
        pace.ended(at(7033), at(7040));
        assert!(!pace.is_lost(at(7033), at(7400)));
        assert!(pace.is_lost(at(7033), at(7401)));
    }

    #[test]
    fn a_long_queue_makes_nobody_patient() {
        let start = Instant::now();
        let pace = Pace::new(Duration::from_secs(60), start);
        let ends = (1..=1000).map(|n| start + Duration::from_secs(2 * n));
        let last = ends.inspect(|&end| pace.ended(start, end)).last().unwrap();
        assert!(!pace.is_lost(start, last + Duration::from_secs(80)));
        assert!(pace.is_lost(start, last + Duration::from_secs(81)));
    }

    #[test]
    fn a_job_is_not_lost_for_want_of_others_before_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pace = Pace::new(Duration::from_secs(60), start);
        pace.ended(start, at(1));
        assert!(!pace.is_lost(at(9000), at(9070)));
        assert!(pace.is_lost(at(9000), at(9071)));
    }
}
