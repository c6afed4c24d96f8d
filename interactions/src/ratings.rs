//! The table of ratings, column by column.

use store::{MovieId, UserId};

/// Clean ratings, column by column: sorted by user, then movie, with no pair twice. They do not depend on the
/// order of the rows in the file. All columns have the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ratings {
    /// User of each rating.
    pub users: Vec<UserId>,
    /// Movie of each rating.
    pub movies: Vec<MovieId>,
    /// Stars of each rating, on the scale.
    pub stars: Vec<f32>,
    /// Time of each rating, in seconds since 1970; [`Ratings::NO_TIME`] if the file has none.
    pub timestamps: Vec<i64>,
}

impl Ratings {
    /// The time of a rating without a time: before any other.
    pub const NO_TIME: i64 = i64::MIN;

    /// The number of ratings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether the table has no ratings.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The rating in a row of the table.
    #[must_use]
    pub fn at(&self, row: usize) -> Rating {
        Rating {
            user: self.users[row],
            movie: self.movies[row],
            stars: self.stars[row],
            timestamp: self.timestamps[row],
        }
    }

    /// Appends a rating.
    pub fn push(&mut self, rating: Rating) {
        self.users.push(rating.user);
        self.movies.push(rating.movie);
        self.stars.push(rating.stars);
        self.timestamps.push(rating.timestamp);
    }

    /// Appends all ratings of another table.
    pub fn append(&mut self, other: &Self) {
        self.users.extend_from_slice(&other.users);
        self.movies.extend_from_slice(&other.movies);
        self.stars.extend_from_slice(&other.stars);
        self.timestamps.extend_from_slice(&other.timestamps);
    }
}

/// One rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// The user.
    pub user: UserId,
    /// The movie.
    pub movie: MovieId,
    /// The stars.
    pub stars: f32,
    /// Seconds since 1970, or [`Ratings::NO_TIME`].
    pub timestamp: i64,
}
