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
    /// Time of each rating, in nanoseconds since 1970; [`Ratings::NO_TIME`] if the file has none.
    pub timestamps: Vec<i64>,
}

impl Ratings {
    /// The time of a rating without a time: before any other.
    pub const NO_TIME: i64 = i64::MIN;

    /// Makes an empty table with memory reserved for `n` ratings.
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Self {
            users: Vec::with_capacity(n),
            movies: Vec::with_capacity(n),
            stars: Vec::with_capacity(n),
            timestamps: Vec::with_capacity(n),
        }
    }

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

    /// Keeps the rows for which `keep` returns `true`, in their order.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        fn retain<T>(column: &mut Vec<T>, keep: &impl Fn(usize) -> bool) {
            let mut rows = 0..;
            column.retain(|_| rows.next().is_some_and(keep));
        }
        retain(&mut self.users, &keep);
        retain(&mut self.movies, &keep);
        retain(&mut self.stars, &keep);
        retain(&mut self.timestamps, &keep);
    }
}

impl Extend<Rating> for Ratings {
    fn extend<I: IntoIterator<Item = Rating>>(&mut self, ratings: I) {
        ratings.into_iter().for_each(|rating| self.push(rating));
    }
}

impl FromIterator<Rating> for Ratings {
    fn from_iter<I: IntoIterator<Item = Rating>>(ratings: I) -> Self {
        let ratings = ratings.into_iter();
        let mut table = Self::with_capacity(ratings.size_hint().0);
        table.extend(ratings);
        table
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
    /// Nanoseconds since 1970, or [`Ratings::NO_TIME`].
    pub timestamp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_collected_and_retained_in_order() {
        let rating =
            |user| Rating { user: UserId::new(user), movie: MovieId::new(7), stars: 3.5, timestamp: 9 };
        let mut ratings: Ratings = (1..=5).map(rating).collect();
        ratings.retain(|row| row % 2 == 0);
        assert_eq!(ratings, [1, 3, 5].map(rating).into_iter().collect());
        assert_eq!(ratings.at(1), rating(3));
    }
}
