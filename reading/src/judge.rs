//! The slow path: one row of the ratings, judged from its raw bytes.
//!
//! Rows come here that polars could not read or that are not as they should be. What is acceptable at all
//! is defined here: the fast path may accept less, never more and never with other values, and it rejects
//! nothing.

use std::str;

use interactions::{Rating, Ratings, Scale};
use store::{MovieId, UserId};

use super::header::{BYTE_ORDER_MARK, Layout};
use super::tables::Reason;

/// From here on, a floating-point number no longer holds every whole number.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// No row at all.
    Blank,
    /// A rating.
    Rating(Rating),
    /// A row that becomes nothing: all that is wrong with it, in the order of [`Reason`], and whose it is, if that can
    /// be told.
    Reject(Vec<Reason>, Option<UserId>),
}

/// Judges a line, which may end with its line break.
pub(super) fn judge(line: &[u8], layout: &Layout, scale: Scale) -> Verdict {
    // A table that was glued together from several has the marks of the others inside.
    let row = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    if row.is_empty() {
        return Verdict::Blank;
    }
    let cells: Vec<&[u8]> = row.split(|&byte| byte == b',').map(bare).collect();
    let mut reasons = Vec::new();
    if str::from_utf8(row).is_err() {
        reasons.push(Reason::BadUtf8);
    }
    if cells.len() != layout.n_columns {
        // Which cell is which is anyone's guess, so nothing is said of them.
        reasons.push(if cells.len() < layout.n_columns { Reason::TornRow } else { Reason::TooManyColumns });
        return Verdict::Reject(reasons, None);
    }
    let user = id(cells[layout.user], Reason::MissingUser, Reason::BadUser);
    let movie = id(cells[layout.movie], Reason::MissingMovie, Reason::BadMovie);
    let stars = stars(cells[layout.rating], scale);
    reasons.extend(user.err().into_iter().chain(movie.err()).chain(stars.err()));
    match (user, movie, stars) {
        (Ok(user), Ok(movie), Ok(stars)) if reasons.is_empty() => {
            let (user, movie) = (UserId::new(user), MovieId::new(movie));
            Verdict::Rating(Rating { user, movie, stars, timestamp: timestamp(cells[layout.timestamp]) })
        }
        _ => Verdict::Reject(reasons, user.ok().map(UserId::new)),
    }
}

/// A cell without the blanks and the one pair of quotes around it.
pub(super) fn bare(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    match cell {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => cell,
    }
}

/// An id from a bare cell. Exports of tables with gaps write ids as `18.0`; any spelling of a whole number
/// from 0 to 4,294,967,295 will do.
pub(super) fn id(cell: &[u8], missing: Reason, bad: Reason) -> Result<u32, Reason> {
    if cell.is_empty() {
        return Err(missing);
    }
    number(cell).and_then(whole).ok_or(bad)
}

/// The id that a number is, if it is one. An `f64` holds every `u32`.
pub(super) fn whole(value: f64) -> Option<u32> {
    let id = value as u32;
    (f64::from(id) == value).then_some(id)
}

/// The seconds that a number is, fractions cut off.
pub(super) fn seconds(value: f64) -> Option<i64> {
    (value.abs() < EXACT).then_some(value as i64)
}

fn stars(cell: &[u8], scale: Scale) -> Result<f32, Reason> {
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

/// A time nobody can read is no reason to lose the rating.
fn timestamp(cell: &[u8]) -> i64 {
    let exact = str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    exact.or_else(|| number(cell).and_then(seconds)).unwrap_or(Ratings::NO_TIME)
}

fn number(cell: &[u8]) -> Option<f64> {
    str::from_utf8(cell).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { n_columns: 4, user: 0, movie: 1, rating: 2, timestamp: 3 };

    fn judged(line: &str) -> Verdict {
        judge(line.as_bytes(), &LAYOUT, Scale::default())
    }

    fn rating(user: u32, movie: u32, stars: f32, timestamp: i64) -> Verdict {
        Verdict::Rating(Rating { user: UserId::new(user), movie: MovieId::new(movie), stars, timestamp })
    }

    #[test]
    fn quotes_blanks_and_decimal_ids_are_understood() {
        assert_eq!(judged("18,7,4.5,964982703\r\n"), rating(18, 7, 4.5, 964_982_703));
        assert_eq!(judged(" \"18.0\" ,\t+7,\" 4.5 \",964982703.0"), rating(18, 7, 4.5, 964_982_703));
        assert_eq!(judged("4294967295,0,.5,-1"), rating(u32::MAX, 0, 0.5, -1));
    }

    #[test]
    fn a_rating_without_a_readable_time_is_kept() {
        for time in ["", "yesterday", "nan", "1e300", "99999999999999999999"] {
            assert_eq!(judged(&format!("1,2,3,{time}")), rating(1, 2, 3.0, Ratings::NO_TIME), "{time}");
        }
    }

    #[test]
    fn every_reason_of_a_row_is_found_in_order() {
        use Reason::*;
        for (line, reasons, user) in [
            (",31.0,-6.0,1306463578", vec![MissingUser, RatingOutOfRange], None),
            ("1.5,x,nan,0", vec![BadUser, BadMovie, BadRating], None),
            ("-1,4294967296,inf,0", vec![BadUser, BadMovie, BadRating], None),
            ("\"\",  ,,", vec![MissingUser, MissingMovie, MissingRating], None),
            ("1,2,5.5,0", vec![RatingOutOfRange], Some(UserId::new(1))),
            ("\"18.0\",,,", vec![MissingMovie, MissingRating], Some(UserId::new(18))),
            ("1,2,3", vec![TornRow], None),
            ("1,2,3,4,5", vec![TooManyColumns], None),
        ] {
            assert_eq!(judged(line), Verdict::Reject(reasons, user), "{line}");
        }
        let broken = judge(b"1\xff,2,3,4", &LAYOUT, Scale::default());
        assert_eq!(broken, Verdict::Reject(vec![BadUtf8, BadUser], None));
    }

    #[test]
    fn a_line_of_blanks_is_no_row() {
        for line in ["", "\n", "\r\n", "  \t\r\n"] {
            assert_eq!(judged(line), Verdict::Blank, "{line:?}");
        }
    }
}
