//! The times at which runs are due: wall-clock times in a time zone, as instants.
//!
//! A time of day may be missing or occur twice when clocks change. A run that is due at certain hours is then due once:
//! at the first moment after the gap, or at the first of the two times. A run that is due in every hour, such as every
//! 15 minutes, is due at equal intervals across the change.

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::expression::Expression;

/// The times at which a run is due.
#[derive(Debug, Clone)]
pub struct Times {
    expression: Expression,
    zone: TimeZone,
}

/// Finds a time zone by its name, such as `Europe/Berlin`.
///
/// # Errors
/// The names that are allowed, as a text.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    let unknown = "there is no time zone of that name; give an IANA name such as Europe/Berlin or UTC";
    TimeZone::get(name).map_err(|_| unknown.to_owned())
}

impl Times {
    /// Returns the times of an expression in a time zone.
    #[must_use]
    pub fn new(expression: Expression, zone: TimeZone) -> Self {
        Self { expression, zone }
    }

    /// Returns the first time after an instant at which a run is due, if there is one.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        if self.expression.is_of_every_hour() {
            self.by_elapsed_time(instant)
        } else {
            self.by_wall_clock(instant)
        }
    }

    /// Returns an instant in the time zone.
    #[must_use]
    pub fn shown(&self, instant: Timestamp) -> ZonedDateTime {
        instant.to_zoned_datetime(self.zone.clone())
    }

    /// Finds the first due time by wall-clock times: in their order, instants never decrease.
    fn by_wall_clock(&self, instant: Timestamp) -> Option<Timestamp> {
        let times = self.expression.after(self.zone.to_datetime(instant));
        times.map_while(|time| self.instant_of(time)).find(|&due| due > instant)
    }

    fn instant_of(&self, time: jiff::civil::DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(time);
        let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        // `compatible` takes the earlier of two; in a gap, a time as long after it as the given time is in it.
        let instant = ambiguous.compatible().ok()?;
        if !gap {
            return Some(instant);
        }
        let just_after = instant.checked_add(SignedDuration::from_nanos(1)).ok()?;
        self.zone.preceding(just_after).next().map(|change| change.timestamp())
    }

    /// Finds the first due time by instants: between two changes of the clock, the offset of the zone is fixed.
    fn by_elapsed_time(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut from = instant;
        loop {
            let offset = self.zone.to_offset(from);
            let due = offset.to_timestamp(self.expression.after(offset.to_datetime(from)).next()?).ok()?;
            match self.zone.following(from).next().map(|change| change.timestamp()) {
                // The moment of the change has the new offset, and may be due.
                Some(change) if change <= due => {
                    let (before, after) = (change.checked_sub(SignedDuration::from_nanos(1)).ok()?, change);
                    let offset = self.zone.to_offset(after);
                    let first = self.expression.after(offset.to_datetime(before)).next()?;
                    if offset.to_timestamp(first).ok()? == after {
                        return Some(after);
                    }
                    from = after;
                }
                _ => return Some(due),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the next times in the zone.
    fn next(cron: &str, zone: &str, after: &str, n: usize) -> Vec<String> {
        let times = Times::new(cron.parse().unwrap(), time_zone(zone).unwrap());
        let mut instant: Timestamp = after.parse().unwrap();
        let mut found = Vec::new();
        for _ in 0..n {
            instant = times.next_after(instant).unwrap();
            found.push(times.shown(instant).strftime("%m-%d %H:%M %:z").to_string());
        }
        found
    }

    #[test]
    fn a_time_in_a_gap_is_due_once_at_the_first_moment_after_it() {
        let times = next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(times, ["03-28 02:30 +01:00", "03-29 03:00 +02:00", "03-30 02:30 +02:00"]);
        // Four times in the gap are due once.
        let times = next("*/15 2 * * *", "Europe/Berlin", "2026-03-28T01:50:00Z", 2);
        assert_eq!(times, ["03-29 03:00 +02:00", "03-30 02:00 +02:00"]);
        // In the southern hemisphere; and with a gap of half an hour.
        let times = next("30 2 * * *", "Australia/Sydney", "2026-10-03T00:00:00Z", 2);
        assert_eq!(times, ["10-04 03:00 +11:00", "10-05 02:30 +11:00"]);
        let times = next("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
        assert_eq!(times, ["10-04 02:30 +11:00", "10-05 02:15 +11:00"]);
    }

    #[test]
    fn a_time_that_occurs_twice_is_due_once_at_the_first() {
        let times = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(times, ["10-25 02:30 +02:00", "10-26 02:30 +01:00"]);
        // Between the two, the next time is the next day.
        let times = next("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1);
        assert_eq!(times, ["10-26 02:30 +01:00"]);
        let times = next("30 2 * * *", "Australia/Sydney", "2026-04-04T12:00:00Z", 2);
        assert_eq!(times, ["04-05 02:30 +11:00", "04-06 02:30 +10:00"]);
        let times = next("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", 2);
        assert_eq!(times, ["11-01 01:30 -04:00", "11-02 01:30 -05:00"]);
    }

    #[test]
    fn a_run_of_every_hour_or_quarter_is_due_at_equal_intervals_across_changes() {
        let quarters = next("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:40:00Z", 3);
        assert_eq!(quarters, ["03-29 01:45 +01:00", "03-29 03:00 +02:00", "03-29 03:15 +02:00"]);
        let quarters = next("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:40:00Z", 6);
        let both = [
            "10-25 02:45 +02:00",
            "10-25 02:00 +01:00",
            "10-25 02:15 +01:00",
            "10-25 02:30 +01:00",
            "10-25 02:45 +01:00",
            "10-25 03:00 +01:00",
        ];
        assert_eq!(quarters, both);
        let hours = next("20 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4);
        assert_eq!(
            hours,
            ["10-25 02:20 +02:00", "10-25 02:20 +01:00", "10-25 03:20 +01:00", "10-25 04:20 +01:00"]
        );
    }

    #[test]
    fn an_hourly_expression_is_due_in_every_hour_of_a_year_in_any_zone() {
        for zone in ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata"] {
            let times = Times::new("0 * * * *".parse().unwrap(), time_zone(zone).unwrap());
            let mut instant: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            for _ in 0..24 * 365 {
                let due = times.next_after(instant).unwrap();
                assert!(instant.duration_until(due) <= SignedDuration::from_mins(90), "{zone} {due}");
                assert_eq!(times.shown(due).minute(), 0);
                instant = due;
            }
        }
    }

    #[test]
    fn an_unknown_zone_is_an_error_with_an_example() {
        assert!(time_zone("Europe/Berlin").is_ok());
        for name in ["Europe/Atlantis", "", "nan", "../UTC"] {
            assert!(time_zone(name).unwrap_err().contains("IANA"), "{name}");
        }
    }
}
