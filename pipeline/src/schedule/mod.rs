//! The batch, every night: waits until it is due, runs it, tries again what failed.
//!
//! `times` says when a run is due, `keeper` waits for it and judges what came of it, `process` does it in a process of
//! its own: whatever a run takes goes back to the system with it, and one that is stopped is simply killed, for a run
//! may be killed at any moment. The keeper knows the clock and the runs by two traits alone, so that its tests live
//! through years in a moment.

mod expression;
mod times;
mod keeper;
mod process;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::generations::Place;
pub use keeper::{Clock, Ending, Job, Keeper, Wait};
pub use process::{Signals, Subprocess, end_with_keeper};
pub use times::Times;

/// The longest pause between two attempts, however often a run has failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How often a run that failed is tried again, and after which pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often.
    pub n: u32,
    /// The pause before the first; each further one is twice as long, up to an hour or this, whichever is longer.
    pub first_pause: Duration,
}

impl Retries {
    /// The pause before the `n`-th retry, counted from 0.
    #[must_use]
    pub fn pause(&self, n: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(n));
        doubled.min(LONGEST_PAUSE.max(self.first_pause))
    }
}

/// When the newest whole generation of a repository was begun: until then, nothing was missed.
///
/// What a run that was killed has left does not count, and so is made up for.
///
/// # Errors
/// Those of the store.
pub fn last_run(place: &Place) -> Result<Option<jiff::Timestamp>> {
    let repository = place.open()?;
    for id in repository.generations()?.iter().rev() {
        match repository.manifest(id) {
            Ok(_) => return Ok(id.time()),
            // Unfinished, or of another release: look further.
            Err(
                store::Error::Incomplete { .. }
                | store::Error::OtherFormat { .. }
                | store::Error::Damaged { .. },
            ) => {}
            Err(other) => return Err(Error::Store(other)),
        }
    }
    Ok(None)
}
