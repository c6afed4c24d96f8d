//! Faulty rows, to test the cleaning.
//!
//! Faulty rows are added to the well-formed ones, each after the row from which it is made. The kinds have the names of
//! the reasons of the cleaning, so that a report can be compared with a [`Summary`].
//!
//! [`Summary`]: super::Summary

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reading::Reason;

use super::Shape;
use super::row::Row;

/// The fault of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dirt {
    /// Bytes that are not UTF-8.
    BadUtf8,
    /// Fewer columns than the header.
    TornRow,
    /// More columns than the header.
    TooManyColumns,
    /// No user.
    MissingUser,
    /// No user, and a rating outside the scale. Such a row is counted once, for the user.
    MissingUserAndRatingOutOfRange,
    /// A user that is not an id.
    BadUser,
    /// No movie.
    MissingMovie,
    /// A movie that is not an id.
    BadMovie,
    /// No rating.
    MissingRating,
    /// A rating that is not a number.
    BadRating,
    /// A rating outside the scale.
    RatingOutOfRange,
    /// The user and movie of the row before, at an earlier time: that row is kept.
    EarlierDuplicate,
    /// The user and movie of the row before, at a later time: it replaces that row.
    LaterDuplicate,
}

const NO_IDS: [&str; 6] = ["abc", "-7", "18.5", "4294967296", "12x", "?"];
const NO_NUMBERS: [&str; 4] = ["four", "n/a", "NaN", "4.0.0"];
const OUT_OF_RANGE: [&str; 5] = ["-6.0", "92.0", "0.0", "5.5", "10.0"];
/// A Latin-1 letter, a truncated UTF-8 sequence, and a byte that never occurs in UTF-8.
const NO_UTF8: [&[u8]; 3] = [b"\xe9", b"\xe2\x82", b"\xff"];

impl Dirt {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::BadUtf8,
        Self::TornRow,
        Self::TooManyColumns,
        Self::MissingUser,
        Self::MissingUserAndRatingOutOfRange,
        Self::BadUser,
        Self::MissingMovie,
        Self::BadMovie,
        Self::MissingRating,
        Self::BadRating,
        Self::RatingOutOfRange,
        Self::EarlierDuplicate,
        Self::LaterDuplicate,
    ];

    /// The reason for which cleaning rejects such a row; `None` for duplicates, which are merged.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        Some(match self {
            Self::BadUtf8 => Reason::BadUtf8,
            Self::TornRow => Reason::TornRow,
            Self::TooManyColumns => Reason::TooManyColumns,
            Self::MissingUser | Self::MissingUserAndRatingOutOfRange => Reason::MissingUser,
            Self::BadUser => Reason::BadUser,
            Self::MissingMovie => Reason::MissingMovie,
            Self::BadMovie => Reason::BadMovie,
            Self::MissingRating => Reason::MissingRating,
            Self::BadRating => Reason::BadRating,
            Self::RatingOutOfRange => Reason::RatingOutOfRange,
            Self::EarlierDuplicate | Self::LaterDuplicate => return None,
        })
    }

    /// The name of the kind: that of its reason if no other kind has the same.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingUserAndRatingOutOfRange => "missing_user_and_rating_out_of_range",
            Self::EarlierDuplicate => "earlier_duplicate",
            Self::LaterDuplicate => "later_duplicate",
            kind => kind.reason().map_or("clean", Reason::name),
        }
    }

    /// Draws a kind, each with the same probability.
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self::ALL[rng.random_range(0..Self::ALL.len())]
    }

    /// Appends a row with this fault, made from a well-formed one.
    pub(super) fn write(self, row: &Row, float_ids: bool, rng: &mut ChaCha8Rng, out: &mut Vec<u8>) {
        let apart = rng.random_range(1..=90 * 86_400);
        let row = match self {
            Self::EarlierDuplicate => Row { timestamp: row.timestamp - apart, ..other_stars(row) },
            Self::LaterDuplicate => Row { timestamp: row.timestamp + apart, ..other_stars(row) },
            _ => *row,
        };
        let mut line = Vec::new();
        row.write(float_ids, &mut line);
        line.pop();
        let mut fields: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
        match self {
            Self::BadUtf8 => fields[rng.random_range(0..4)] = one_of(&NO_UTF8, rng),
            Self::TornRow => fields.truncate(rng.random_range(1..4)),
            Self::TooManyColumns => fields.push(b"1"),
            Self::MissingUser => fields[0] = b"",
            Self::MissingUserAndRatingOutOfRange => {
                fields[0] = b"";
                fields[2] = one_of(&OUT_OF_RANGE, rng).as_bytes();
            }
            Self::BadUser => fields[0] = one_of(&NO_IDS, rng).as_bytes(),
            Self::MissingMovie => fields[1] = b"",
            Self::BadMovie => fields[1] = one_of(&NO_IDS, rng).as_bytes(),
            Self::MissingRating => fields[2] = b"",
            Self::BadRating => fields[2] = one_of(&NO_NUMBERS, rng).as_bytes(),
            Self::RatingOutOfRange => fields[2] = one_of(&OUT_OF_RANGE, rng).as_bytes(),
            Self::EarlierDuplicate | Self::LaterDuplicate => {}
        }
        out.extend_from_slice(&fields.join(&b','));
        out.push(b'\n');
    }
}

/// Whether a faulty row follows the well-formed row of an index. They are evenly spaced, `floor(ratings * dirt)` in
/// all.
pub(super) fn is_due(shape: &Shape, rating: u64) -> bool {
    let due = |n_ratings: u64| (n_ratings as f64 * shape.dirt) as u64;
    due(rating + 1) > due(rating)
}

/// Whether the ids of a user's rows are written as `18.0`: those of the second half of the users, as in a file that was
/// joined from two exports.
pub(super) fn has_float_ids(shape: &Shape, user: u32) -> bool {
    shape.dirt > 0.0 && user >= shape.users / 2
}

/// The row with other stars, which show which of two duplicates was kept.
fn other_stars(row: &Row) -> Row {
    let half_stars = if row.half_stars > 5 { row.half_stars - 2 } else { row.half_stars + 2 };
    Row { half_stars, ..*row }
}

fn one_of<T: Copy>(choices: &[T], rng: &mut ChaCha8Rng) -> T {
    choices[rng.random_range(0..choices.len())]
}
