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

/// Parses a time in seconds; [`Ratings::NO_TIME`] for any other text, since the rating is of use without a time.
pub(super) fn parse_time(cell: &[u8]) -> i64 {
    let exact = str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    exact.or_else(|| parse_f64(cell).and_then(seconds)).unwrap_or(Ratings::NO_TIME)
}

fn parse_f64(cell: &[u8]) -> Option<f64> {
    str::from_utf8(cell).ok()?.parse().ok()
}
