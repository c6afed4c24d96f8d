//! Cron expressions as crontabs have them, translated for the crate `cron`.
//!
//! The crate expects seconds first, counts Sunday as 1, and requires both of a day of the month and a weekday. Crontabs
//! begin with minutes, count Sunday as 0 or 7, and accept either of the two days.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use cron::{Schedule, TimeUnitSpec};
use jiff::civil;
use jiff::tz::TimeZone;

/// The names that stand for a whole expression.
const NAMES: &str = "@hourly, @daily, @weekly, @monthly or @yearly, or five fields such as '30 2 * * *'";
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The names of the fields except the weekday, in the order of the crate, each with its values.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12, or jan to dec"),
    ("year", "1970 to 2100"),
];

/// The wall-clock times of an expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// One schedule, or two if either a day of the month or a weekday matches.
    schedules: Vec<Schedule>,
}

/// A text that is no expression, or one without a future time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidExpression(String);

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        let expression = Self::parse(text).map_err(InvalidExpression)?;
        let now = TimeZone::UTC.to_datetime(jiff::Timestamp::now());
        match expression.next_after(now) {
            Some(_) => Ok(expression),
            None => Err(InvalidExpression("it has no future time; check day, month and year".to_owned())),
        }
    }
}

impl Expression {
    /// Reads five fields (minute, hour, day of the month, month, weekday), six with seconds before them, or seven with
    /// years after them.
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (seconds, [minute, hour, day, month, weekday], years) = match fields[..] {
            [word] if word.starts_with('@') => {
                let unknown = |_| format!("`{word}` is no schedule; give {NAMES}");
                return Ok(Self { schedules: vec![Schedule::from_str(word).map_err(unknown)?] });
            }
            [a, b, c, d, e] => ("0", [a, b, c, d, e], "*"),
            [seconds, a, b, c, d, e] => (seconds, [a, b, c, d, e], "*"),
            [seconds, a, b, c, d, e, years] => (seconds, [a, b, c, d, e], years),
            _ => {
                return Err(format!(
                    "it has {} fields; give five (minute, hour, day of the month, month, weekday), six with seconds \
                     first, or seven with years last, such as '30 2 * * *' for 02:30 every day",
                    fields.len()
                ));
            }
        };
        for (field, (name, values)) in [seconds, minute, hour, day, month, years].into_iter().zip(FIELDS) {
            check(field, name, values)?;
        }
        let weekdays = weekdays(weekday)?;
        let is_any = |field: &str| field.starts_with(['*', '?']);
        let days = if is_any(day) || is_any(weekday) {
            vec![(day, weekdays.as_str())]
        } else {
            vec![(day, "*"), ("*", weekdays.as_str())]
        };
        let schedules = days.into_iter().map(|(day, weekdays)| {
            Schedule::from_str(&format!("{seconds} {minute} {hour} {day} {month} {weekdays} {years}"))
        });
        let schedules = schedules.collect::<Result<_, _>>();
        let schedules =
            schedules.map_err(|_| "it cannot be read; '30 2 * * *' is 02:30 every day".to_owned())?;
        Ok(Self { schedules })
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

/// Checks a field alone, so that the error can name it.
fn check(field: &str, name: &str, values: &str) -> Result<(), String> {
    let alone = FIELDS.map(|(other, _)| if other == name { field } else { "*" });
    let [seconds, minute, hour, day, month, years] = alone;
    match Schedule::from_str(&format!("{seconds} {minute} {hour} {day} {month} * {years}")) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(format!("`{field}` is no {name}; give {values}, * for all, or ranges and steps of these"))
        }
    }
}

/// Returns the weekdays of a field by their names, which have one meaning in crontabs and in the crate.
fn weekdays(field: &str) -> Result<String, String> {
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
    fn an_invalid_expression_is_an_error_that_names_the_field_in_plain_words() {
        for (text, says) in [
            ("", "0 fields"),
            ("30 2 * *", "4 fields"),
            ("61 2 * * *", "`61` is no minute; give 0 to 59"),
            ("0 25 * * *", "`25` is no hour; give 0 to 23"),
            ("0 2 32 * *", "`32` is no day of the month"),
            ("0 2 * foo *", "`foo` is no month; give 1 to 12, or jan to dec"),
            ("61 30 2 * * *", "`61` is no second"),
            ("0 30 2 * * * 1500", "`1500` is no year"),
            ("5-1 2 * * *", "`5-1` is no minute"),
            ("*/0 2 * * *", "`*/0` is no minute"),
            ("-1 2 * * *", "`-1` is no minute"),
            ("30 2 * * 8", "no weekday"),
            ("30 2 * * 5-2", "no weekday"),
            ("30 2 * * noday", "no weekday"),
            ("half past two in the morning", "`half` is no second"),
            ("@sometimes", "`@sometimes` is no schedule; give @hourly"),
            ("0 0 30 2 *", "no future time"),
            ("0 0 0 1 1 * 2001", "no future time"),
        ] {
            let error = text.parse::<Expression>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            // No text of the crate, which quotes the whole expression as it was translated.
            assert!(!error.contains("Invalid") && !error.contains('^'), "{text}: {error}");
        }
    }
}
