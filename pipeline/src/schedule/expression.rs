//! Cron expressions as crontabs have them, translated for the crate `cron`.
//!
//! The crate expects seconds first, counts Sunday as 1, and requires both of a day of the month and a weekday. Crontabs
//! begin with minutes, count Sunday as 0 or 7, and accept either of the two days.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use cron::{Schedule, TimeUnitSpec};
use jiff::civil;
use jiff::tz::TimeZone;

use crate::error::{Error, Result};

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The wall-clock times of an expression.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    /// One schedule, or two if either a day of the month or a weekday matches.
    schedules: Vec<Schedule>,
}

impl Expression {
    /// Reads five fields (minute, hour, day of the month, month, weekday), six with seconds before them, or seven with
    /// years after them.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |problem: String| Error::setting("--cron", text, problem);
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (seconds, [minute, hour, day, month, weekday], years) = match fields[..] {
            [word] if word.starts_with('@') => {
                return Ok(Self { schedules: vec![read(word).map_err(wrong)?] });
            }
            [a, b, c, d, e] => ("0", [a, b, c, d, e], "*"),
            [seconds, a, b, c, d, e] => (seconds, [a, b, c, d, e], "*"),
            [seconds, a, b, c, d, e, years] => (seconds, [a, b, c, d, e], years),
            _ => {
                return Err(wrong(format!(
                    "it has {} fields; give five (minute, hour, day of the month, month, weekday), six with seconds \
                     first, or seven with years last, such as '30 2 * * *' for 02:30 every day",
                    fields.len()
                )));
            }
        };
        let weekdays = weekdays(weekday).map_err(wrong)?;
        let is_any = |field: &str| field.starts_with(['*', '?']);
        let days = if is_any(day) || is_any(weekday) {
            vec![(day, weekdays.as_str())]
        } else {
            vec![(day, "*"), ("*", weekdays.as_str())]
        };
        let schedules = days.into_iter().map(|(day, weekdays)| {
            read(&format!("{seconds} {minute} {hour} {day} {month} {weekdays} {years}")).map_err(wrong)
        });
        Ok(Self { schedules: schedules.collect::<Result<_>>()? })
    }

    /// Whether it has times in every hour of a day, and so means an interval rather than a time of day.
    pub(super) fn is_of_every_hour(&self) -> bool {
        self.schedules.iter().all(|schedule| schedule.hours().count() == 24)
    }

    /// Returns its times after a wall-clock time, in order.
    pub(super) fn after(&self, time: civil::DateTime) -> impl Iterator<Item = civil::DateTime> + '_ {
        let mut next = time;
        std::iter::from_fn(move || {
            next = self.next_after(next)?;
            Some(next)
        })
    }

    /// Computes in UTC, which has no changes of the clock: there the times of the crate are wall-clock times.
    fn next_after(&self, time: civil::DateTime) -> Option<civil::DateTime> {
        let shown = TimeZone::UTC.to_timestamp(time).ok()?;
        let from: DateTime<Utc> =
            DateTime::from_timestamp(shown.as_second(), shown.subsec_nanosecond().unsigned_abs())?;
        let next = self.schedules.iter().filter_map(|schedule| schedule.after(&from).next()).min()?;
        let next = jiff::Timestamp::from_second(next.timestamp()).ok()?;
        Some(TimeZone::UTC.to_datetime(next))
    }
}

fn read(text: &str) -> std::result::Result<Schedule, String> {
    Schedule::from_str(text).map_err(|e| {
        let reason = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        format!("it cannot be read ({reason}); '30 2 * * *' is 02:30 every day")
    })
}

/// Returns the weekdays of a field by their names, which have one meaning in crontabs and in the crate.
fn weekdays(field: &str) -> std::result::Result<String, String> {
    let wrong = || format!("`{field}` is no weekday; give 0 to 7 (0 and 7 are Sunday) or sun to sat");
    let number = |day: &str| {
        let day = day.to_ascii_lowercase();
        let by_name = || DAYS.iter().position(|name| day == *name || day == name[..3]);
        day.parse().ok().or_else(by_name).filter(|&day: &usize| day <= 7).ok_or_else(wrong)
    };
    let mut names = Vec::new();
    for part in field.split(',') {
        let (days, step) = match part.split_once('/') {
            Some((days, step)) => (days, step.parse().ok().filter(|&step| step > 0).ok_or_else(wrong)?),
            None if matches!(part, "*" | "?") => return Ok("*".to_owned()),
            None => (part, 1),
        };
        let (first, last) = match days.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None if days == "*" => (0, 6),
            None if part.contains('/') => (number(days)?, 6),
            None => (number(days)?, number(days)?),
        };
        // A range that ends on Sunday ends on the Sunday after its begin.
        let last = if last == 0 && first > 0 { 7 } else { last };
        if first > last {
            return Err(wrong());
        }
        names.extend((first..=last).step_by(step).map(|day| DAYS[day % 7]));
    }
    Ok(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_after(expression: &str, time: &str, n: usize) -> Vec<String> {
        let expression = Expression::parse(expression).unwrap();
        expression.after(time.parse().unwrap()).take(n).map(|time| time.to_string()).collect()
    }

    #[test]
    fn five_fields_begin_with_minutes_six_with_seconds_and_seven_end_with_years() {
        let from = "2026-11-24T10:00:00";
        assert_eq!(first_after("30 2 * * *", from, 1), ["2026-11-25T02:30:00"]);
        assert_eq!(first_after("15 30 2 * * *", from, 1), ["2026-11-25T02:30:15"]);
        assert_eq!(first_after("0 30 2 * * * 2028", from, 1), ["2028-01-01T02:30:00"]);
        assert_eq!(first_after("@daily", from, 1), ["2026-11-25T00:00:00"]);
    }

    #[test]
    fn the_last_day_of_a_month_is_skipped_in_shorter_months() {
        let days = first_after("0 1 31 * *", "2026-01-31T12:00:00", 3);
        assert_eq!(days, ["2026-03-31T01:00:00", "2026-05-31T01:00:00", "2026-07-31T01:00:00"]);
        assert_eq!(first_after("0 1 29 2 *", "2026-01-01T00:00:00", 1), ["2028-02-29T01:00:00"]);
        assert!(first_after("0 1 30 2 *", "2026-01-01T00:00:00", 1).is_empty());
    }

    #[test]
    fn weekdays_are_numbered_as_in_crontabs() {
        // 2026-11-24 is a Tuesday.
        let from = "2026-11-24T10:00:00";
        for sunday in ["0", "7", "sun", "Sunday"] {
            assert_eq!(
                first_after(&format!("0 3 * * {sunday}"), from, 1),
                ["2026-11-29T03:00:00"],
                "{sunday}"
            );
        }
        let weekend = ["2026-11-27T03:00:00", "2026-11-28T03:00:00", "2026-11-29T03:00:00"];
        for field in ["5-7", "fri-sun", "5,6,0"] {
            assert_eq!(first_after(&format!("0 3 * * {field}"), from, 3), weekend, "{field}");
        }
        assert_eq!(first_after("0 3 * * 1-5/2", from, 2), ["2026-11-25T03:00:00", "2026-11-27T03:00:00"]);
    }

    #[test]
    fn either_the_day_of_the_month_or_the_weekday_matches() {
        let days = first_after("0 3 1 * fri", "2026-11-24T10:00:00", 3);
        assert_eq!(days, ["2026-11-27T03:00:00", "2026-12-01T03:00:00", "2026-12-04T03:00:00"]);
    }

    #[test]
    fn an_invalid_expression_is_an_error_that_names_the_option() {
        for (text, says) in [
            ("", "0 fields"),
            ("30 2 * *", "4 fields"),
            ("61 2 * * *", "cannot be read"),
            ("30 2 * * 8", "no weekday"),
            ("30 2 * * 5-2", "no weekday"),
            ("30 2 * * noday", "no weekday"),
            ("half past two in the morning", "no weekday"),
            ("@sometimes", "cannot be read"),
        ] {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.contains("--cron") && error.contains(says), "{text}: {error}");
        }
    }
}
