//! The slow path: parses one row of the ratings from its cells.
//!
//! Input: the rows that the fast path has left undecided. This module defines the acceptable rows. The fast path
//! accepts a subset of them, with the same values, and rejects no rows.

use interactions::{Rating, Ratings, Scale};
use store::{MovieId, UserId};

use super::header::Layout;
use super::number::{parse_id, parse_stars, parse_time};
use super::record::Record;
use super::text::unquote;
use crate::tables::Reason;

/// The content of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    /// A rating, and whether its time cell has text that is no time.
    Rating(Rating, bool),
    /// A rejected row: all reasons, in the order of [`Reason`], and its user if that can be read.
    Rejected(Vec<Reason>, Option<UserId>),
}

/// Parses a row that is not blank.
pub(super) fn parse_row(record: &Record, row: &[u8], layout: &Layout, scale: Scale) -> Row {
    let mut reasons = record.faults(row, layout.n_columns);
    if record.len() != layout.n_columns {
        return Row::Rejected(reasons, None); // the columns of the cells are unknown, so they are not checked
    }
    let cell = |column| unquote(record.cell(row, column));
    let user = parse_id(cell(layout.user), Reason::MissingUser, Reason::BadUser);
    let movie = parse_id(cell(layout.movie), Reason::MissingMovie, Reason::BadMovie);
    let stars = parse_stars(cell(layout.rating), scale);
    reasons.extend(user.err().into_iter().chain(movie.err()).chain(stars.err()));
    match (user, movie, stars) {
        (Ok(user), Ok(movie), Ok(stars)) if reasons.is_empty() => {
            let (user, movie) = (UserId::new(user), MovieId::new(movie));
            let time = cell(layout.timestamp);
            let parsed = parse_time(time);
            let timestamp = parsed.unwrap_or(Ratings::NO_TIME);
            Row::Rating(Rating { user, movie, stars, timestamp }, parsed.is_none() && !time.is_empty())
        }
        _ => Row::Rejected(reasons, user.ok().map(UserId::new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const LAYOUT: Layout = Layout { n_columns: 4, user: 0, movie: 1, rating: 2, timestamp: 3 };

    fn parsed(row: impl AsRef<[u8]>) -> Row {
        let mut record = Record::default();
        assert_eq!(record.find(row.as_ref()), Ok(row.as_ref().len()));
        parse_row(&record, row.as_ref(), &LAYOUT, Scale::default())
    }

    fn rating(user: u32, movie: u32, stars: f32, timestamp: i64) -> Row {
        Row::Rating(Rating { user: UserId::new(user), movie: MovieId::new(movie), stars, timestamp }, false)
    }

    #[test]
    fn quotes_blanks_and_decimal_ids_are_parsed() {
        assert_eq!(parsed("18,7,4.5,964982703\r\n"), rating(18, 7, 4.5, 964_982_703 * SECOND));
        assert_eq!(parsed(" \"18.0\" ,\t+7,\" 4.5 \",964982703.0"), rating(18, 7, 4.5, 964_982_703 * SECOND));
        assert_eq!(parsed("4294967295,0,.5,-1"), rating(u32::MAX, 0, 0.5, -SECOND));
    }

    #[test]
    fn a_rating_without_a_readable_time_is_kept() {
        let (user, movie) = (UserId::new(1), MovieId::new(2));
        for (time, is_unreadable) in [("", false), ("\"\"", false), ("yesterday", true), ("nan", true)] {
            let rating = Rating { user, movie, stars: 3.0, timestamp: Ratings::NO_TIME };
            assert_eq!(parsed(format!("1,2,3,{time}")), Row::Rating(rating, is_unreadable), "{time}");
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
            ("1,2,3,5\" disk", vec![StrayQuote], Some(UserId::new(1))),
            ("1,2\",x,0", vec![StrayQuote, BadMovie, BadRating], Some(UserId::new(1))),
            ("1,2,3", vec![TornRow], None),
            ("1,2,3,4,5", vec![TooManyColumns], None),
        ] {
            assert_eq!(parsed(line), Row::Rejected(reasons, user), "{line}");
        }
        let broken = parsed(b"1\xff,2,3,4");
        assert_eq!(broken, Row::Rejected(vec![BadUtf8, BadUser], None));
    }
}
