//! The table of ratings, column by column.

use store::{MovieId, UserId};

/// Cleaned ratings, column by column: sorted by user, then movie, and no pair twice. The order of the rows
/// in the file has left no trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ratings {
    /// Who rated.
    pub users: Vec<UserId>,
    /// What.
    pub movies: Vec<MovieId>,
    /// With how many stars.
    pub stars: Vec<f32>,
    /// When, in seconds since 1970; [`Ratings::NO_TIME`] where the file does not tell.
    pub timestamps: Vec<i64>,
}

impl Ratings {
    /// The time of a rating without one: older than any.
    pub const NO_TIME: i64 = i64::MIN;

    /// How many ratings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The rating of a row.
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
