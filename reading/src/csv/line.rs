//! The slow path: parses one line of the ratings from its bytes.
//!
//! Input: the lines that the fast path has left undecided. This module defines the acceptable rows. The fast path
//! accepts a subset of them, with the same values, and rejects no rows.

use std::str;

use interactions::{Rating, Scale};
use store::{MovieId, UserId};

use super::header::Layout;
use super::number::{parse_id, parse_stars, parse_time};
use super::text::{BYTE_ORDER_MARK, unquote};
use crate::tables::Reason;

/// The content of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    /// Blanks only.
    Blank,
    /// A rating.
    Rating(Rating),
    /// A rejected row: all reasons, in the order of [`Reason`], and its user if that can be read.
    Rejected(Vec<Reason>, Option<UserId>),
}

/// Parses a line, with or without its line break.
pub(super) fn parse_line(line: &[u8], layout: &Layout, scale: Scale) -> Line {
    // A concatenation of several files may contain byte order marks inside.
    let row = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    if row.is_empty() {
        return Line::Blank;
    }
    let cells: Vec<&[u8]> = row.split(|&byte| byte == b',').map(unquote).collect();
    let mut reasons = Vec::new();
    if str::from_utf8(row).is_err() {
        reasons.push(Reason::BadUtf8);
    }
    if cells.len() != layout.n_columns {
        // The columns of the cells are unknown, so they are not checked.
        reasons.push(if cells.len() < layout.n_columns { Reason::TornRow } else { Reason::TooManyColumns });
        return Line::Rejected(reasons, None);
    }
    let user = parse_id(cells[layout.user], Reason::MissingUser, Reason::BadUser);
    let movie = parse_id(cells[layout.movie], Reason::MissingMovie, Reason::BadMovie);
    let stars = parse_stars(cells[layout.rating], scale);
    reasons.extend(user.err().into_iter().chain(movie.err()).chain(stars.err()));
    match (user, movie, stars) {
        (Ok(user), Ok(movie), Ok(stars)) if reasons.is_empty() => {
            let (user, movie) = (UserId::new(user), MovieId::new(movie));
            Line::Rating(Rating { user, movie, stars, timestamp: parse_time(cells[layout.timestamp]) })
        }
        _ => Line::Rejected(reasons, user.ok().map(UserId::new)),
    }
}

#[cfg(test)]
mod tests {
    use interactions::Ratings;

    use super::*;

    const LAYOUT: Layout = Layout { n_columns: 4, user: 0, movie: 1, rating: 2, timestamp: 3 };

    fn parsed(line: &str) -> Line {
        parse_line(line.as_bytes(), &LAYOUT, Scale::default())
    }

    fn rating(user: u32, movie: u32, stars: f32, timestamp: i64) -> Line {
        Line::Rating(Rating { user: UserId::new(user), movie: MovieId::new(movie), stars, timestamp })
    }

    #[test]
    fn quotes_blanks_and_decimal_ids_are_parsed() {
        assert_eq!(parsed("18,7,4.5,964982703\r\n"), rating(18, 7, 4.5, 964_982_703));
        assert_eq!(parsed(" \"18.0\" ,\t+7,\" 4.5 \",964982703.0"), rating(18, 7, 4.5, 964_982_703));
        assert_eq!(parsed("4294967295,0,.5,-1"), rating(u32::MAX, 0, 0.5, -1));
    }

    #[test]
    fn a_rating_without_a_readable_time_is_kept() {
        for time in ["", "yesterday", "nan", "1e300", "99999999999999999999"] {
            assert_eq!(parsed(&format!("1,2,3,{time}")), rating(1, 2, 3.0, Ratings::NO_TIME), "{time}");
        }
    }

    #[test]
    fn every_reason_of_a_row_is_reported_in_order() {
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
            assert_eq!(parsed(line), Line::Rejected(reasons, user), "{line}");
        }
        let broken = parse_line(b"1\xff,2,3,4", &LAYOUT, Scale::default());
        assert_eq!(broken, Line::Rejected(vec![BadUtf8, BadUser], None));
    }

    #[test]
    fn a_line_of_blanks_is_not_a_row() {
        for line in ["", "\n", "\r\n", "  \t\r\n"] {
            assert_eq!(parsed(line), Line::Blank, "{line:?}");
        }
    }
}
