//! Runs the batch by a cron expression and retries failed runs.
//!
//! `times` computes when a run is due. `scheduler` waits for that time, starts the run and retries it. `process` starts
//! each run as a process of its own: the system reclaims its memory, and a run that has to stop is killed, which it may
//! be at any time. The scheduler uses the clock and the runs through two traits, so that its tests need no real time.

mod expression;
mod times;
mod scheduler;
mod process;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::generations::Place;
pub use expression::{Expression, InvalidExpression};
pub use process::{Signals, Subprocess, stop_with_parent};
pub use scheduler::{Clock, Job, RunOutcome, Scheduler, Wait};
pub use times::{Times, time_zone};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The number of retries of a failed run, and the pauses before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// The number of retries.
    pub n: u32,
    /// The pause before the first retry. Each further one is twice as long, up to the longer of an hour and this pause.
    pub first_pause: Duration,
}

impl Retries {
    /// Returns the pause before the `n`-th retry, counted from 0.
    #[must_use]
    pub fn pause(&self, n: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(n));
        doubled.min(LONGEST_PAUSE.max(self.first_pause))
    }
}

/// Returns when the newest complete generation of a repository was begun: no run before that time was missed.
///
/// A generation that a killed run left incomplete does not count, so that the missed run is made up for.
///
/// # Errors
/// [`Error::Store`] if the repository cannot be read.
pub fn last_run(place: &Place) -> Result<Option<jiff::Timestamp>> {
    let repository = place.open()?;
    for id in repository.generations()?.iter().rev() {
        match repository.manifest(id) {
            // One that is dated ahead of the clock says nothing about the last run.
            Ok(_) if id.time().is_some_and(|time| time > jiff::Timestamp::now()) => {}
            Ok(_) => return Ok(id.time()),
            // Incomplete, or of another release: the one before may be complete.
            Err(
                store::Error::NoSuchGeneration { .. }
                | store::Error::Incomplete { .. }
                | store::Error::OtherFormat { .. }
                | store::Error::Damaged { .. },
            ) => {}
            Err(other) => return Err(Error::Store(other)),
        }
    }
    Ok(None)
}
