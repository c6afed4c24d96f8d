//! Numbers in unquoted cells: ids, stars and times.

use std::str;

use interactions::{Ratings, Scale};

use crate::tables::Reason;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Parses an id: any spelling of a whole number from 0 to 4,294,967,295. Exports of tables with gaps write `18.0`.
pub(crate) fn parse_id(cell: &[u8], missing: Reason, bad: Reason) -> Result<u32, Reason> {
    if cell.is_empty() {
        return Err(missing);
    }
    let short = digits(cell).and_then(|id| u32::try_from(id).ok()); // most ids, at a fraction of the cost
    short.or_else(|| parse_f64(cell).and_then(whole)).ok_or(bad)
}

/// Converts a number to an id, if it is one. An `f64` holds every `u32`.
pub(super) fn whole(value: f64) -> Option<u32> {
    let id = value as u32;
    (f64::from(id) == value).then_some(id)
}

/// The nanoseconds of one unit of a time that is written as a number. The unit is shown by its size, since no two of these
/// ranges overlap for times from 1973 to 5138: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17,
/// nanoseconds above.
fn unit_of(size: u64) -> i64 {
    match size {
        ..100_000_000_000 => SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

/// Converts a time in whole units to nanoseconds. Times out of range become the first or the last time.
pub(super) fn whole_time(value: i64) -> i64 {
    later_than_none(value.saturating_mul(unit_of(value.unsigned_abs())))
}

/// Converts a time in units with a fraction to nanoseconds, toward zero; `None` for what is no number.
pub(super) fn fractional_time(value: f64) -> Option<i64> {
    let unit = unit_of(value.abs() as u64);
    // The whole part and the fraction apart, since their sum has more digits than an `f64`.
    let (whole, fraction) = (value.trunc() as i64, value.fract() * unit as f64);
    value.is_finite().then(|| later_than_none(whole.saturating_mul(unit).saturating_add(fraction as i64)))
}

/// The least time in place of [`Ratings::NO_TIME`].
fn later_than_none(nanoseconds: i64) -> i64 {
    nanoseconds.max(Ratings::NO_TIME + 1)
}

/// Parses a number of stars on the scale.
pub(super) fn parse_stars(cell: &[u8], scale: Scale) -> Result<f32, Reason> {
    if cell.is_empty() {
        return Err(Reason::MissingRating);
    }
    let stars: Option<f32> = str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    match stars {
        Some(stars) if scale.contains(stars) => Ok(stars),
        Some(stars) if stars.is_finite() => Err(Reason::RatingOutOfRange),
        _ => Err(Reason::BadRating),
    }
}

/// Parses a time: a number since 1970 in seconds or a smaller unit (see [`unit_of`]), or a date and time of ISO 8601, in
/// UTC unless it has an offset. Returns nanoseconds since 1970, or `None` for any other text.
pub(super) fn parse_time(cell: &[u8]) -> Option<i64> {
    let whole = str::from_utf8(cell).ok().and_then(|text| text.parse().ok()).map(whole_time);
    whole.or_else(|| parse_f64(cell).and_then(fractional_time)).or_else(|| parse_iso_time(cell))
}

/// Parses the digits behind a decimal point as billionths. Digits after the ninth are cut off.
fn nanoseconds(digits: &[u8]) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let nine = digits.iter().chain(b"000000000").take(9);
    is_number.then(|| nine.fold(0, |number, digit| 10 * number + i64::from(digit - b'0')))
}

/// Parses `2000-12-07`, `2000-12-07 16:49`, `2000-12-07T16:49:59.25Z` or `2000-12-07T16:49:59+02:00`.
fn parse_iso_time(cell: &[u8]) -> Option<i64> {
    let (date, rest) = cell.split_at_checked(10)?;
    let &[ref year @ .., b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let days = days_since_1970(digits(year)?, digits(&[m1, m2])?, digits(&[d1, d2])?)?;
    let (time, offset) = match rest.split_first() {
        None => (0, 0),
        Some((b'T' | b't' | b' ', rest)) => {
            let end = rest.iter().position(|byte| b"Zz+-".contains(byte)).unwrap_or(rest.len());
            let (time, offset) = rest.split_at(end);
            (clock(time)?, parse_offset(offset)?)
        }
        Some(_) => return None,
    };
    Some(later_than_none((days * 86_400 - offset).saturating_mul(SECOND).saturating_add(time)))
}

/// Parses an offset from UTC, `Z`, `+02:00`, `+0200` or `+02`, to seconds; none is that of UTC.
fn parse_offset(offset: &[u8]) -> Option<i64> {
    let (sign, offset) = match offset {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', offset @ ..] => (1, offset),
        [_, offset @ ..] => (-1, offset),
    };
    let (hours, minutes) = match *offset {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => ([h1, h2], [m1, m2]),
        [h1, h2] => ([h1, h2], *b"00"),
        _ => return None,
    };
    let (hours, minutes) = (digits(&hours)?, digits(&minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Parses `16:49`, `16:49:59` or `16:49:59.25` to nanoseconds. Digits after the ninth are cut off.
fn clock(time: &[u8]) -> Option<i64> {
    let (time, fraction) = match time.iter().position(|&byte| byte == b'.' || byte == b',') {
        Some(point) => (time.get(..point)?, Some(time.get(point + 1..)?)),
        None => (time, None),
    };
    let (hours, minutes, seconds) = match *time {
        [h1, h2, b':', m1, m2] if fraction.is_none() => (digits(&[h1, h2])?, digits(&[m1, m2])?, 0),
        [h1, h2, b':', m1, m2, b':', s1, s2] => (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?),
        _ => return None,
    };
    let nanoseconds = match fraction {
        None => 0,
        Some(fraction) => nanoseconds(fraction)?,
    };
    // A minute may have a leap second.
    let is_clock = hours < 24 && minutes < 60 && seconds <= 60;
    is_clock.then_some((hours * 3600 + minutes * 60 + seconds) * SECOND + nanoseconds)
}

/// The days from 1970-01-01 to a date of the Gregorian calendar, if there is such a date.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let index = usize::try_from(month).ok()?.checked_sub(1)?;
    let leap_day = |month: usize| i64::from(is_leap && month == 1);
    if !(1..=DAYS.get(index)? + leap_day(index)).contains(&day) {
        return None;
    }
    let before: i64 = (0..index).map(|month| DAYS[month] + leap_day(month)).sum();
    // Leap days of the years before this one, counted from year 0.
    let leap_days = |year: i64| (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    Some((year - 1970) * 365 + leap_days(year) - leap_days(1970) + before + day - 1)
}

/// Parses digits alone, at most nine of them.
fn digits(text: &[u8]) -> Option<i64> {
    let is_number = (1..=9).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0')))
}

fn parse_f64(cell: &[u8]) -> Option<f64> {
    str::from_utf8(cell).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_or_iso_8601() {
        let seconds = |seconds: i64| seconds * SECOND;
        for (text, time) in [
            ("976207799", seconds(976_207_799)),
            ("-7", seconds(-7)),
            ("976207799.25", seconds(976_207_799) + 250_000_000),
            ("-0.5", -500_000_000),
            ("9.76207799e8", seconds(976_207_799)),
            ("976207799250", seconds(976_207_799) + 250_000_000),
            ("976207799250000", seconds(976_207_799) + 250_000_000),
            ("1500000001000000001", seconds(1_500_000_001) + 1),
            ("1500000001000000000.0", seconds(1_500_000_001)),
            ("1.5e+18", seconds(1_500_000_000)),
            ("1.5e15", seconds(1_500_000_000)),
            ("1500000000250.5", seconds(1_500_000_000) + 250_500_000),
            ("1e300", i64::MAX),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", i64::MIN + 1),
            ("-9223372036854775808", i64::MIN + 1),
            ("2000-12-07", seconds(976_147_200)),
            ("2000-12-07 16:49", seconds(976_207_740)),
            ("2000-12-07 16:49:59", seconds(976_207_799)),
            ("2000-12-07T16:49:59Z", seconds(976_207_799)),
            ("2000-12-07T16:49:59.25Z", seconds(976_207_799) + 250_000_000),
            ("2000-12-07T16:49:59,123456789123", seconds(976_207_799) + 123_456_789),
            ("2000-12-07T18:49:59+02:00", seconds(976_207_799)),
            ("2000-12-07T18:49:59+0200", seconds(976_207_799)),
            ("2000-12-07T18:49:59+02", seconds(976_207_799)),
            ("2000-12-07T11:19:59-05:30", seconds(976_207_799)),
            ("1970-01-01", 0),
            ("1969-12-31 23:59:59.75", -250_000_000),
            ("2000-02-29", seconds(951_782_400)),
            ("2024-03-01", seconds(1_709_251_200)),
            ("0000-03-01", i64::MIN + 1),
            ("9999-12-31", i64::MAX),
        ] {
            assert_eq!(parse_time(text.as_bytes()), Some(time), "{text}");
        }
    }

    #[test]
    fn any_other_text_is_no_time() {
        for text in [
            "",
            "never",
            "nan",
            "inf",
            "2000-13-01",
            "2000-00-01",
            "2000-02-30",
            "1900-02-29",
            "2000-12-07 ",
            "2000-12-07x",
            "2000-12-07 24:00",
            "2000-12-07 16",
            "2000-12-07 16:60",
            "2000-12-07 16:49:59.",
            "2000-12-07 16:49:59.x",
            "2000-12-07 16:49.5",
            "2000-12-07 16:49:59+2",
            "2000-12-07 16:49:59+99:00",
            "2000-12-07T16:49:59ZZ",
            "+200-12-07",
            "07/12/2000",
        ] {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
    }
}
