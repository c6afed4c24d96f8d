//! Numbers in unquoted cells: ids, stars and times.

use std::str;

use interactions::{Ratings, Scale};

use crate::tables::Reason;

/// From this number on, an `f64` does not hold every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses an id: any spelling of a whole number from 0 to 4,294,967,295. Exports of tables with gaps write `18.0`.
pub(crate) fn parse_id(cell: &[u8], missing: Reason, bad: Reason) -> Result<u32, Reason> {
    if cell.is_empty() {
        return Err(missing);
    }
    parse_f64(cell).and_then(whole).ok_or(bad)
}

/// Converts a number to an id, if it is one. An `f64` holds every `u32`.
pub(super) fn whole(value: f64) -> Option<u32> {
    let id = value as u32;
    (f64::from(id) == value).then_some(id)
}

/// Converts a number to whole seconds, toward zero.
pub(super) fn seconds(value: f64) -> Option<i64> {
    (value.abs() < EXACT).then_some(value as i64)
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

/// Parses a time: seconds since 1970, or a date and time of ISO 8601, in UTC unless it has an offset. The result is
/// [`Ratings::NO_TIME`] for any other text, since the rating is of use without a time.
pub(super) fn parse_time(cell: &[u8]) -> i64 {
    let exact = str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    let seconds = exact.or_else(|| parse_f64(cell).and_then(seconds)).or_else(|| parse_iso_time(cell));
    seconds.unwrap_or(Ratings::NO_TIME)
}

/// Parses `2000-12-07`, `2000-12-07 16:49`, `2000-12-07T16:49:59.25Z` or `2000-12-07T16:49:59+02:00`.
fn parse_iso_time(cell: &[u8]) -> Option<i64> {
    let (date, rest) = cell.split_at_checked(10)?;
    let &[ref year @ .., b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let days = days_since_1970(digits(year)?, digits(&[m1, m2])?, digits(&[d1, d2])?)?;
    let Some((b'T' | b't' | b' ', time)) = rest.split_first() else {
        return rest.is_empty().then_some(days * 86_400);
    };
    let end = time.iter().position(|byte| b"Zz+-".contains(byte)).unwrap_or(time.len());
    let (time, offset) = time.split_at(end);
    let offset = match offset {
        [] | [b'Z' | b'z'] => 0,
        [b'+', offset @ ..] => clock_seconds(offset)?,
        [_, offset @ ..] => -clock_seconds(offset)?,
    };
    Some(days * 86_400 + clock_seconds(time)? - offset)
}

/// Parses `16:49` or `16:49:59`, with or without a fraction, which is cut off.
fn clock_seconds(time: &[u8]) -> Option<i64> {
    let whole = match time.iter().position(|&byte| byte == b'.') {
        Some(point) if time.len() == point + 1 || digits(time.get(point + 1..)?).is_none() => return None,
        Some(point) => time.get(..point)?,
        None => time,
    };
    let (hours, minutes, seconds) = match *whole {
        [h1, h2, b':', m1, m2] if whole.len() == time.len() => (digits(&[h1, h2])?, digits(&[m1, m2])?, 0),
        [h1, h2, b':', m1, m2, b':', s1, s2] => (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?),
        _ => return None,
    };
    // A minute may have a leap second.
    (hours < 24 && minutes < 60 && seconds <= 60).then_some(hours * 3600 + minutes * 60 + seconds)
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
    fn times_are_seconds_or_iso_8601() {
        for (text, seconds) in [
            ("976207799", 976_207_799),
            ("976207799.9", 976_207_799),
            ("2000-12-07", 976_147_200),
            ("2000-12-07 16:49", 976_207_740),
            ("2000-12-07 16:49:59", 976_207_799),
            ("2000-12-07T16:49:59Z", 976_207_799),
            ("2000-12-07T16:49:59.999Z", 976_207_799),
            ("2000-12-07T18:49:59+02:00", 976_207_799),
            ("2000-12-07T11:19:59-05:30", 976_207_799),
            ("1970-01-01", 0),
            ("1969-12-31 23:59:59", -1),
            ("2000-02-29", 951_782_400),
            ("2024-03-01", 1_709_251_200),
            ("0000-03-01", -62_162_035_200),
        ] {
            assert_eq!(parse_time(text.as_bytes()), seconds, "{text}");
        }
    }

    #[test]
    fn any_other_text_is_no_time() {
        for text in [
            "",
            "never",
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
            "2000-12-07 16:49.5",
            "2000-12-07 16:49:59+2",
            "2000-12-07T16:49:59ZZ",
            "+200-12-07",
            "07/12/2000",
        ] {
            assert_eq!(parse_time(text.as_bytes()), Ratings::NO_TIME, "{text}");
        }
    }
}
