//! The tables after cleaning, and the rejected rows with their reasons.

use std::collections::BTreeMap;

use interactions::Ratings;
use store::manifest::{MovieRows, Rows, SourceFile};
use store::records::Movie;
use store::{MovieId, UserId};

/// The ratings of a file after cleaning, and the account of its rows.
#[derive(Debug, Clone, Default)]
pub struct CleanRatings {
    /// The kept ratings.
    pub ratings: Ratings,
    /// The account of the rows: `read = kept + merged + rejected + denied`.
    pub rows: Rows,
    /// The rejected rows by line.
    pub rejects: Vec<Reject>,
    /// The file that was read.
    pub source: SourceFile,
}

/// The movies of a file after cleaning, and the account of its rows.
#[derive(Debug, Clone, Default)]
pub struct Movies {
    /// Title and genres by id.
    pub by_id: BTreeMap<MovieId, Movie>,
    /// The account of the rows: `read = kept + rejected + denied`.
    pub rows: MovieRows,
    /// The rejected rows by line.
    pub rejects: Vec<Reject>,
    /// The file that was read.
    pub source: SourceFile,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line in the file; the header is line 1.
    pub line: u64,
    /// All reasons. The first one is counted. Never empty.
    pub reasons: Vec<Reason>,
    /// The user, if the row is whole and its user can be read.
    pub user: Option<UserId>,
    /// The first 200 characters of the row; empty for a row of a deleted user.
    pub text: String,
}

/// A reason to reject a row, in the order of the checks: the first one that applies is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Bytes that are not UTF-8.
    BadUtf8,
    /// A quote inside a cell that is not in quotes.
    StrayQuote,
    /// Fewer columns than the header.
    TornRow,
    /// More columns than the header.
    TooManyColumns,
    /// No user.
    MissingUser,
    /// A user that is not a whole number from 0 to 4,294,967,295.
    BadUser,
    /// No movie.
    MissingMovie,
    /// A movie that is not a whole number from 0 to 4,294,967,295.
    BadMovie,
    /// No rating.
    MissingRating,
    /// A rating that is not a number.
    BadRating,
    /// A rating outside the scale.
    RatingOutOfRange,
    /// A movie without a title.
    MissingTitle,
    /// A title longer than 512 bytes.
    TitleTooLong,
    /// Genres longer than 512 bytes together.
    GenresTooLong,
    /// A title or genre with lines in the shape of rows: an earlier quote is not closed.
    RowsInCell,
    /// A movie that an earlier row describes.
    DuplicateMovie,
}

impl Reason {
    /// The name of the reason in reports and `rejects.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadUtf8 => "bad_utf8",
            Self::StrayQuote => "stray_quote",
            Self::TornRow => "torn_row",
            Self::TooManyColumns => "too_many_columns",
            Self::MissingUser => "missing_user",
            Self::BadUser => "bad_user",
            Self::MissingMovie => "missing_movie",
            Self::BadMovie => "bad_movie",
            Self::MissingRating => "missing_rating",
            Self::BadRating => "bad_rating",
            Self::RatingOutOfRange => "rating_out_of_range",
            Self::MissingTitle => "missing_title",
            Self::TitleTooLong => "title_too_long",
            Self::GenresTooLong => "genres_too_long",
            Self::RowsInCell => "rows_in_cell",
            Self::DuplicateMovie => "duplicate_movie",
        }
    }
}
