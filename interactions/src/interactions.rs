//! The ratings as a sparse matrix, by user and by item.
//!
//! Training and scoring read rows of both; they know no ids.

use crate::csr::Csr;
use crate::ratings::Ratings;
use crate::vocabulary::Vocabulary;

/// The matrix of stars and its transpose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interactions {
    /// Stars, users by items (n_users x n_items).
    pub by_user: Csr,
    /// Stars, items by users (n_items x n_users).
    pub by_item: Csr,
}

impl Csr {
    /// The matrix of stars by user (n_users x n_items). Ratings are sorted by user, then movie; so a rating
    /// and its cell have the same position.
    #[must_use]
    pub fn by_user(ratings: &Ratings, vocabulary: &Vocabulary) -> Self {
        let items = vocabulary.item_rows(&ratings.movies);
        let users = vocabulary.user_rows(&ratings.users);
        Self::from_sorted(vocabulary.users().len(), users, items, ratings.stars.clone())
    }
}

impl Interactions {
    /// The matrix of stars of all ratings, both ways.
    #[must_use]
    pub fn of(ratings: &Ratings, vocabulary: &Vocabulary) -> Self {
        Self::from_users(Csr::by_user(ratings, vocabulary), vocabulary.items().len())
    }

    /// Adds the transpose to a matrix by user with `n_items` columns.
    #[must_use]
    pub fn from_users(by_user: Csr, n_items: usize) -> Self {
        let by_item = by_user.transpose(n_items);
        Self { by_user, by_item }
    }

    /// The number of users.
    #[must_use]
    pub fn n_users(&self) -> usize {
        self.by_user.n_rows()
    }

    /// The number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.by_item.n_rows()
    }
}
