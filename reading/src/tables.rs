//! What cleaning leaves: the tables that the rest of the batch works on, and what was wrong with the rest.

use std::collections::BTreeMap;

use interactions::Ratings;
use store::manifest::{MovieRows, Rows, SourceFile};
use store::records::Movie;
use store::{MovieId, UserId};

/// The ratings of a file after cleaning, and its account.
#[derive(Debug, Clone, Default)]
pub struct CleanRatings {
    /// What is left.
    pub ratings: Ratings,
    /// What became of each row: `read = kept + merged + rejected + denied`.
    pub rows: Rows,
    /// The rejected rows by line.
    pub rejects: Vec<Reject>,
    /// The file that was read.
    pub source: SourceFile,
}

/// The movies of a file after cleaning, and its account.
#[derive(Debug, Clone, Default)]
pub struct Movies {
    /// What is known of each movie, by id.
    pub by_id: BTreeMap<MovieId, Movie>,
    /// What became of each row: `read = kept + rejected + denied`.
    pub rows: MovieRows,
    /// The rejected rows by line.
    pub rejects: Vec<Reject>,
    /// The file that was read.
    pub source: SourceFile,
}

/// A row that became nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its line in the file, the header being line 1.
    pub line: u64,
    /// All that is wrong with it, the reason that counts first. Never empty.
    pub reasons: Vec<Reason>,
    /// Whose rating it would have been, where the row is whole and its user can be read.
    pub user: Option<UserId>,
    /// The row as it stands there, at most 200 characters of it; nothing of a deleted user's.
    pub text: String,
}

/// What can be wrong with a row, in the order in which it is looked for: the first found is the one that
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Bytes that are no UTF-8.
    BadUtf8,
    /// Fewer columns than the header: the row was torn.
    TornRow,
    /// More columns than the header.
    TooManyColumns,
    /// No user.
    MissingUser,
    /// A user that is no whole number from 0 to 4,294,967,295.
    BadUser,
    /// No movie.
    MissingMovie,
    /// A movie that is no whole number from 0 to 4,294,967,295.
    BadMovie,
    /// No rating.
    MissingRating,
    /// A rating that is no number.
    BadRating,
    /// A rating outside the scale.
    RatingOutOfRange,
    /// A movie without a title.
    MissingTitle,
    /// A movie that an earlier row has described.
    DuplicateMovie,
}

impl Reason {
    /// The reason as reports and `rejects.csv` name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadUtf8 => "bad_utf8",
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
            Self::DuplicateMovie => "duplicate_movie",
        }
    }
}
