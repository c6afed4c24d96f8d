//! The options of `pipeline schedule`.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use pipeline::Error;
use pipeline::schedule::{Retries, Times};

use super::RunArgs;

/// What the run's own process is started with, beside everything that the scheduler was.
pub(crate) const AS_RUN: &str = "--as-run";

const HEADING: &str = "Schedule";

#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// When to run: minute, hour, day of the month, month, weekday; seconds may stand before, years behind
    #[arg(long, help_heading = HEADING, value_name = "EXPRESSION", default_value = "30 2 * * *")]
    #[arg(env = "RECOMMENDER__SCHEDULE__CRON")]
    cron: String,
    /// The time zone in which that is meant, such as Europe/Berlin
    #[arg(long, help_heading = HEADING, value_name = "NAME", default_value = "UTC")]
    #[arg(env = "RECOMMENDER__SCHEDULE__TIME_ZONE")]
    time_zone: String,
    /// How often to try again what failed, before the next time comes
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = 3)]
    #[arg(env = "RECOMMENDER__SCHEDULE__RETRIES")]
    retries: u32,
    /// The pause before the first retry; each further one is twice as long, up to an hour
    #[arg(long, help_heading = HEADING, value_name = "TIME", default_value = "5m", value_parser = pause)]
    #[arg(env = "RECOMMENDER__SCHEDULE__RETRY_AFTER")]
    retry_after: Duration,
    /// Run once, now, with retries; the exit code is that of the last attempt
    #[arg(long, help_heading = HEADING, conflicts_with = "next")]
    pub(crate) once: bool,
    /// Print the next five times, and do nothing
    #[arg(long, help_heading = HEADING)]
    pub(crate) next: bool,
    /// Be the run that is due: what the scheduler starts
    #[arg(long, hide = true)]
    pub(crate) as_run: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl ScheduleArgs {
    /// When runs are due.
    ///
    /// # Errors
    /// Those of [`Times::parse`].
    pub(crate) fn times(&self) -> Result<Times, Error> {
        Times::parse(&self.cron, &self.time_zone)
    }

    pub(crate) fn retries(&self) -> Retries {
        Retries { n: self.retries, first_pause: self.retry_after }
    }
}

/// A pause as people write it: `30s`, `5m`, `1h 30m`.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = text.parse::<SignedDuration>().ok().and_then(|pause| Duration::try_from(pause).ok());
    let day = Duration::from_secs(24 * 60 * 60);
    pause
        .filter(|pause| (1..=day.as_millis()).contains(&pause.as_millis()))
        .ok_or_else(|| "give a time like 30s, 5m or 1h, at most a day".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_read_as_people_write_them() {
        assert_eq!(pause("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(pause("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "5", "0s", "-5m", "2d", "soon"] {
            assert!(pause(text).is_err(), "{text}");
        }
    }
}
