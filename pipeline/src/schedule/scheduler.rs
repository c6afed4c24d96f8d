//! The scheduler: waits until a run is due, starts it and retries it.
//!
//! It waits in short steps and compares the wall clock after each, so that a suspended machine or a clock that was set is
//! noticed within one step. One run makes up for all missed ones. Times that fall due during a run are skipped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Retries, Times};

/// The longest step of waiting.
const STEP: Duration = Duration::from_secs(30);
/// The delay from which on a run counts as missed.
const PUNCTUAL: SignedDuration = SignedDuration::from_secs(60);
/// The largest step back of the clock that repeats no run: more than the end of daylight saving time.
const SET_BACK: SignedDuration = SignedDuration::from_hours(3);

/// A clock that can be waited for.
pub trait Clock {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
    /// Waits for a time, unless the scheduler is stopped.
    fn wait(&mut self, time: Duration) -> Wait;
}

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The time has passed.
    Over,
    /// The scheduler was stopped.
    Stopped,
}

/// The work of a run.
pub trait Job {
    /// Runs until it ends or is stopped.
    fn run(&mut self) -> RunOutcome;
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    /// It published a generation, or there was nothing to do.
    Succeeded,
    /// The gate refused its generation. A retry would be refused again.
    Refused,
    /// Another run holds the lock or has published first, so that no retry is needed.
    Busy,
    /// An option or setting is invalid. A retry would fail in the same way.
    InvalidUsage,
    /// It failed for this reason.
    Failed(String),
    /// It was stopped.
    Stopped,
}

/// Starts runs when they are due.
#[derive(Debug)]
pub struct Scheduler<C, J> {
    times: Times,
    retries: Retries,
    clock: C,
    job: J,
}

impl<C: Clock, J: Job> Scheduler<C, J> {
    /// Returns a scheduler of a job.
    pub fn new(times: Times, retries: Retries, clock: C, job: J) -> Self {
        Self { times, retries, clock, job }
    }

    /// Starts every run that is due, until the scheduler is stopped or no further run is due. `last` is the time of the
    /// last run, if it is known: runs that were due since then were missed.
    pub fn run_until_stopped(&mut self, last: Option<Timestamp>) {
        let mut since = last.unwrap_or_else(|| self.clock.now());
        let mut announced = None;
        loop {
            let now = self.clock.now();
            if now.duration_until(since) > SET_BACK {
                tracing::warn!("the clock was set back by {:#}", now.duration_until(since));
                since = now;
            }
            let Some(due) = self.times.next_after(since) else {
                tracing::warn!("the schedule has no further time");
                return;
            };
            let left = now.duration_until(due);
            if left.is_positive() {
                if announced != Some(due) {
                    tracing::info!(next = %self.shown(due), "waiting for the next run");
                    announced = Some(due);
                }
                if self.clock.wait(STEP.min(left.unsigned_abs())) == Wait::Stopped {
                    return self.stopped();
                }
                continue;
            }
            if left.abs() > PUNCTUAL {
                tracing::warn!(due = %self.shown(due), "a run was missed; running now");
            }
            if self.run_with_retries() == RunOutcome::Stopped {
                return self.stopped();
            }
            since = self.clock.now().max(due);
        }
    }

    /// Runs now and retries a failed run after increasing pauses.
    pub fn run_with_retries(&mut self) -> RunOutcome {
        let mut n_attempts = 0;
        loop {
            n_attempts += 1;
            let start = self.clock.now();
            tracing::info!(attempt = n_attempts, "starting a run");
            let outcome = self.job.run();
            let seconds = start.duration_until(self.clock.now()).as_secs();
            match &outcome {
                RunOutcome::Failed(why) if n_attempts <= self.retries.n => {
                    let (n, pause) = (self.retries.n, self.retries.pause(n_attempts - 1));
                    tracing::warn!(seconds, "the run failed ({why}); retry {n_attempts} of {n} in {pause:?}");
                    if self.wait(pause) == Wait::Stopped {
                        return RunOutcome::Stopped;
                    }
                }
                _ => {
                    log_outcome(&outcome, n_attempts, seconds);
                    return outcome;
                }
            }
        }
    }

    /// Waits in steps, so that the time of a suspended machine counts.
    fn wait(&mut self, time: Duration) -> Wait {
        let start = self.clock.now();
        loop {
            // At worst, a clock that is set back restarts the wait.
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

/// Logs the outcome of the last attempt, and what to do about it.
fn log_outcome(outcome: &RunOutcome, n_attempts: u32, seconds: i64) {
    match outcome {
        RunOutcome::Succeeded => tracing::info!(seconds, "the run succeeded"),
        RunOutcome::Stopped => {}
        RunOutcome::Refused => tracing::error!(
            seconds,
            "the gate refused the generation of the run: it is kept, and the published one stays; the output of the run \
             has the commands that compare and publish it"
        ),
        RunOutcome::Busy => tracing::warn!(
            seconds,
            "another run holds the lock or has published first; no retry before the next time"
        ),
        RunOutcome::InvalidUsage => tracing::error!(
            "an option or setting is invalid, see the message above; correct it and run the schedule with --once, or \
             wait for the next time"
        ),
        RunOutcome::Failed(why) => tracing::error!(
            seconds,
            "the run failed ({why}) after {n_attempts} attempts; the published generation stays; see the message above, \
             correct the cause and run the schedule with --once, or wait for the next time"
        ),
    }
}

#[cfg(test)]
mod tests;
