//! The ratings as a sparse matrix, by user and by item.
//!
//! Training and scoring read rows of either; neither knows ids.

use crate::csr::Csr;
use crate::ratings::Ratings;
use crate::vocabulary::Vocabulary;

/// The same matrix both ways.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interactions {
    /// Users by items (n_users x n_items).
    pub by_user: Csr,
    /// Items by users (n_items x n_users).
    pub by_item: Csr,
}

impl Csr {
    /// The ratings by user (n_users x n_items). As ratings are sorted by user, then movie, the position of a
    /// rating is the position of its cell.
    #[must_use]
    pub fn by_user(ratings: &Ratings, vocabulary: &Vocabulary) -> Self {
        let items = vocabulary.item_rows(&ratings.movies);
        let users = vocabulary.user_rows(&ratings.users);
        Self::from_sorted(vocabulary.users().len(), users, items, ratings.stars.clone())
    }
}

impl Interactions {
    /// The matrix of all ratings.
    #[must_use]
    pub fn of(ratings: &Ratings, vocabulary: &Vocabulary) -> Self {
        Self::from_users(Csr::by_user(ratings, vocabulary), vocabulary.items().len())
    }

    /// Completes the matrix by user with the one by item.
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
