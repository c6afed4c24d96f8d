//! Waits until a run is due, and sees it through.
//!
//! Waiting goes in short steps against the clock on the wall: a machine that slept, or whose clock was set, is noticed
//! within one. Whatever was missed is made up for by one run, and what falls due during a run is not done after it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Retries, Times};

/// The longest step of waiting.
const STEP: Duration = Duration::from_secs(30);
/// A run that is later than this was missed, rather than just begun.
const PUNCTUAL: SignedDuration = SignedDuration::from_secs(60);
/// A clock that is set back by no more than this repeats nothing, as it would by a change to winter time.
const SET_BACK: SignedDuration = SignedDuration::from_hours(3);

/// What tells the time.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Waits, and says whether to go on.
    fn wait(&mut self, time: Duration) -> Wait;
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The time is over.
    Over,
    /// Somebody wants an end.
    Stopped,
}

/// What is to be done.
pub trait Job {
    /// Does it, unless it is stopped meanwhile.
    fn run(&mut self) -> Ending;
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Published, or nothing to do.
    Succeeded,
    /// Made, refused by the gate and kept. Another try would only be refused again.
    Refused,
    /// Another run is at work, or was faster. It does what this one would have done.
    Busy,
    /// It was asked for what cannot be meant: a wrong setting. Another try would only say so again.
    Misused,
    /// It failed, in these words.
    Failed(String),
    /// It was stopped, as was wanted.
    Stopped,
}

/// Sees to it that runs happen when they are due.
#[derive(Debug)]
pub struct Keeper<C, J> {
    times: Times,
    retries: Retries,
    clock: C,
    job: J,
}

impl<C: Clock, J: Job> Keeper<C, J> {
    /// A keeper of a job.
    pub fn new(times: Times, retries: Retries, clock: C, job: J) -> Self {
        Self { times, retries, clock, job }
    }

    /// Runs whenever it is due, until it is stopped or there is no further time. `last` is when the last run was, if
    /// anybody knows: what was due since then was missed.
    pub fn keep(&mut self, last: Option<Timestamp>) {
        let mut since = last.unwrap_or_else(|| self.clock.now());
        let mut told = None;
        loop {
            let now = self.clock.now();
            if now.duration_until(since) > SET_BACK {
                tracing::warn!("the clock is {:#} earlier than it was", now.duration_until(since));
                since = now;
            }
            let Some(due) = self.times.next_after(since) else {
                tracing::warn!("no further run is due, ever");
                return;
            };
            let left = now.duration_until(due);
            if left.is_positive() {
                if told != Some(due) {
                    tracing::info!(next = %self.shown(due), "waiting for the next run");
                    told = Some(due);
                }
                if self.clock.wait(STEP.min(left.unsigned_abs())) == Wait::Stopped {
                    return self.stopped();
                }
                continue;
            }
            if left.abs() > PUNCTUAL {
                tracing::warn!(due = %self.shown(due), "no run since that was due is known of; running now, once");
            }
            if self.see_through() == Ending::Stopped {
                return self.stopped();
            }
            since = self.clock.now().max(due);
        }
    }

    /// Runs now; tries again what failed, after longer and longer pauses.
    pub fn see_through(&mut self) -> Ending {
        for n in 0.. {
            let start = self.clock.now();
            tracing::info!(attempt = n + 1, "a run begins");
            let ending = self.job.run();
            let seconds = start.duration_until(self.clock.now()).as_secs();
            match &ending {
                Ending::Succeeded => tracing::info!(seconds, "the run has ended well"),
                Ending::Stopped => {}
                Ending::Refused => tracing::error!(
                    seconds,
                    "the gate refused the run's generation: it is kept, and what was published stays; look at it with \
                     `pipeline generations` and `pipeline diff`"
                ),
                Ending::Busy => {
                    tracing::warn!(
                        seconds,
                        "another run is at work or was faster; not tried again before the next time"
                    );
                }
                Ending::Misused => tracing::error!(
                    "the run's settings are wrong, as stands above: mend them and run `pipeline schedule --once`, or wait \
                     for the next time"
                ),
                Ending::Failed(why) if n < self.retries.n => {
                    let pause = self.retries.pause(n);
                    tracing::warn!(
                        seconds,
                        "the run failed ({why}); retry {} of {} in {pause:?}",
                        n + 1,
                        self.retries.n
                    );
                    if self.wait(pause) == Wait::Stopped {
                        return Ending::Stopped;
                    }
                    continue;
                }
                Ending::Failed(why) => tracing::error!(
                    seconds,
                    "the run failed ({why}), after {} attempts; what was published stays. What is wrong stands above: \
                     mend it and run `pipeline schedule --once`, or wait for the next time",
                    n + 1
                ),
            }
            return ending;
        }
        Ending::Stopped
    }

    /// Waits in steps, so that time asleep counts.
    fn wait(&mut self, time: Duration) -> Wait {
        let start = self.clock.now();
        loop {
            // A clock that is set back starts the wait again, at worst.
            let waited = start.duration_until(self.clock.now()).max(SignedDuration::ZERO).unsigned_abs();
            match time.checked_sub(waited) {
                None | Some(Duration::ZERO) => return Wait::Over,
                Some(left) => {
                    if self.clock.wait(left.min(STEP)) == Wait::Stopped {
                        return Wait::Stopped;
                    }
                }
            }
        }
    }

    fn shown(&self, instant: Timestamp) -> jiff::ZonedDateTime {
        self.times.shown(instant)
    }

    fn stopped(&self) {
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests;
