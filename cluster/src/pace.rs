//! How fast a driver's jobs end, and when those that do not are taken for lost.
//!
//! Where an answer goes astray between a scheduler and an executor who both live, the one waits for a task of which the
//! other knows nothing, and no timeout of theirs ends that. The driver sees it by the silence: shards are alike, so one
//! that outlasts all others many times over is not slow.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many times as long as the slowest job took it may be silent.
const TIMES: u32 = 10;

/// The ends of a driver's jobs.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How long it may be silent in any case.
    least: Duration,
    ends: Mutex<Ends>,
}

#[derive(Debug)]
struct Ends {
    /// How long the slowest took, its turn in the queue included; before the first has ended there is no pace.
    slowest: Option<Duration>,
    /// When the last ended.
    last: Instant,
    /// What began before that is lost.
    lost_before: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(least: Duration, now: Instant) -> Self {
        let ends = Ends { slowest: None, last: now, lost_before: None };
        Self { least, ends: Mutex::new(ends) }
    }

    /// Takes in that a job has ended well.
    pub(crate) fn ended(&self, begin: Instant, now: Instant) {
        let mut ends = self.ends();
        ends.slowest = ends.slowest.max(Some(now - begin));
        ends.last = now;
    }

    /// Whether a job is lost, with all others that are under way. These come to know it when they ask.
    pub(crate) fn is_lost(&self, begin: Instant, now: Instant) -> bool {
        let mut ends = self.ends();
        let silence = now - ends.last.max(begin);
        if let Some(slowest) = ends.slowest
            && silence > self.least + slowest * TIMES
        {
            // If that was wrong, for others came first in the queue, it takes far longer until it is thought again.
            (ends.slowest, ends.lost_before) = (Some(silence), Some(now));
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
    fn jobs_are_lost_when_none_has_ended_for_many_times_what_the_slowest_took() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pace = Pace::new(Duration::from_secs(60), start);
        assert!(!pace.is_lost(start, at(3000)), "how long a job takes is not known yet");
        pace.ended(at(2970), at(3000));
        pace.ended(at(2999), at(3001));
        // 60 + 10 x 30 seconds after the last end.
        assert!(!pace.is_lost(start, at(3361)));
        assert!(pace.is_lost(at(3000), at(3362)));
        assert!(pace.is_lost(start, at(3362)), "another that was under way");
        assert!(!pace.is_lost(at(3362), at(3363)), "one that was handed out again");
        // Whoever was wrong waits longer the next time: 60 + 10 x 361 seconds.
        assert!(!pace.is_lost(at(3362), at(3362 + 3670)));
        assert!(pace.is_lost(at(3362), at(3362 + 3671)));
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

    #[test]
    fn while_others_end_none_is_lost() {
        let start = Instant::now();
        let pace = Pace::new(Duration::from_secs(1), start);
        for second in 1..10_000 {
            let now = start + Duration::from_secs(second);
            pace.ended(now - Duration::from_millis(500), now);
            assert!(!pace.is_lost(start, now + Duration::from_secs(5)));
        }
    }
}
