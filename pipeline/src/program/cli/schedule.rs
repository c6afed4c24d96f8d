//! The options of `pipeline schedule`.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use limits::Limits;
use pipeline::schedule::{Expression, Retries, Times, time_zone};
use settings::within;

use super::RunArgs;

/// The argument that makes a process a run, besides the arguments of its scheduler.
pub(crate) const AS_RUN: &str = "--as-run";

const HEADING: &str = "Schedule";

#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// The times of the runs: minute, hour, day of the month, month, weekday; optionally seconds before or years after
    #[arg(long, help_heading = HEADING, value_name = "EXPRESSION", default_value = "30 2 * * *")]
    #[arg(env = "RECOMMENDER__SCHEDULE__CRON")]
    cron: Expression,
    /// The time zone of the expression, such as Europe/Berlin
    #[arg(long, help_heading = HEADING, value_name = "NAME", default_value = "UTC", value_parser = time_zone)]
    #[arg(env = "RECOMMENDER__SCHEDULE__TIME_ZONE")]
    time_zone: TimeZone,
    /// The number of retries of a failed run
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = 3, value_parser = within(Limits::<u32>::ANY))]
    #[arg(env = "RECOMMENDER__SCHEDULE__RETRIES")]
    retries: u32,
    /// The pause before the first retry; each further one is twice as long, up to an hour
    #[arg(long, help_heading = HEADING, value_name = "TIME", default_value = "5m", value_parser = pause)]
    #[arg(env = "RECOMMENDER__SCHEDULE__RETRY_AFTER")]
    retry_after: Duration,
    /// Run once, now, with retries; the exit code is that of the last attempt
    #[arg(long, help_heading = HEADING, conflicts_with = "next")]
    pub(crate) once: bool,
    /// Print the next five times and exit
    #[arg(long, help_heading = HEADING)]
    pub(crate) next: bool,
    /// Be the run that a scheduler has started
    #[arg(long, hide = true)]
    pub(crate) as_run: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl ScheduleArgs {
    /// Returns the times at which runs are due.
    pub(crate) fn times(&self) -> Times {
        Times::new(self.cron.clone(), self.time_zone.clone())
    }

    pub(crate) fn retries(&self) -> Retries {
        Retries { n: self.retries, first_pause: self.retry_after }
    }
}

/// Parses a pause such as `30s`, `5m` or `1h 30m`.
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
    fn pauses_have_units() {
        assert_eq!(pause("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(pause("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "5", "0s", "-5m", "2d", "soon"] {
            assert!(pause(text).is_err(), "{text}");
        }
    }
}
