//! The translation between ids and matrix indices. They meet nowhere else.
//!
//! Users and rated movies have indices by ascending id. So indices depend on the ids alone, not on the order
//! of the rows in the file. A movie without ratings has no index, because no model can rank it.

use std::collections::{HashMap, HashSet};

use store::{MovieId, UserId};

use crate::ratings::Ratings;

/// The index of an item: its row in the matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemIndex(pub u32);

/// The ids of users and items by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    users: Vec<UserId>,
    items: Vec<MovieId>,
}

impl Vocabulary {
    /// The vocabulary of clean ratings. Cost: one pass, and a sort of the distinct movies.
    #[must_use]
    pub fn of(ratings: &Ratings) -> Self {
        let mut users = ratings.users.clone();
        users.dedup();
        users.shrink_to_fit();
        let mut items = distinct(&ratings.movies);
        items.sort_unstable();
        Self { users, items }
    }

    /// The ids of the users, ascending: `users()[i]` is the user of index `i`.
    #[must_use]
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// The ids of the items, ascending: `items()[i]` is the movie of index `i`.
    #[must_use]
    pub fn items(&self) -> &[MovieId] {
        &self.items
    }

    /// The movie of an item index.
    #[must_use]
    pub fn movie(&self, item: ItemIndex) -> MovieId {
        self.items[item.0 as usize]
    }

    /// The index of the user of each rating. `users` must ascend, as in [`Ratings`].
    pub fn user_rows(&self, users: &[UserId]) -> impl Iterator<Item = u32> {
        let mut row = 0;
        users.iter().map(move |user| {
            while self.users[row as usize] < *user {
                row += 1;
            }
            row
        })
    }

    /// The index of the movie of each rating, in the order of the ratings. Cost: a table look-up each.
    #[must_use]
    pub fn item_rows(&self, movies: &[MovieId]) -> Vec<u32> {
        let numbered = self.items.iter().zip(0u32..);
        if dense(self.items.last(), movies.len()) {
            let mut table = vec![0; self.items.last().map_or(0, |last| last.get() as usize + 1)];
            numbered.for_each(|(movie, row)| table[movie.get() as usize] = row);
            movies.iter().map(|movie| table[movie.get() as usize]).collect()
        } else {
            let table: HashMap<_, _> = numbered.collect();
            movies.iter().map(|movie| table[movie]).collect()
        }
    }
}

/// The distinct movies of a column, in no particular order.
fn distinct(movies: &[MovieId]) -> Vec<MovieId> {
    let largest = movies.iter().max();
    if dense(largest, movies.len()) {
        let mut present = vec![false; largest.map_or(0, |largest| largest.get() as usize + 1)];
        movies.iter().for_each(|movie| present[movie.get() as usize] = true);
        (0u32..).zip(present).filter_map(|(id, present)| present.then_some(MovieId::new(id))).collect()
    } else {
        movies.iter().copied().collect::<HashSet<_>>().into_iter().collect()
    }
}

/// Whether a table by id needs at most about as much memory as the ratings. Sequential ids do, hashed ids do not.
fn dense(largest: Option<&MovieId>, n_ratings: usize) -> bool {
    largest.is_none_or(|largest| largest.get() as usize <= 4 * n_ratings + (1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratings(pairs: &[(u32, u32)]) -> Ratings {
        Ratings {
            users: pairs.iter().map(|p| UserId::new(p.0)).collect(),
            movies: pairs.iter().map(|p| MovieId::new(p.1)).collect(),
            stars: vec![3.0; pairs.len()],
            timestamps: vec![0; pairs.len()],
        }
    }

    #[test]
    fn users_and_movies_have_indices_by_ascending_id() {
        let ratings = ratings(&[(3, 50), (3, 70), (9, 20), (9, 50)]);
        let vocabulary = Vocabulary::of(&ratings);
        assert_eq!(vocabulary.users(), [UserId::new(3), UserId::new(9)]);
        assert_eq!(vocabulary.items(), [MovieId::new(20), MovieId::new(50), MovieId::new(70)]);
        assert_eq!(vocabulary.item_rows(&ratings.movies), [1, 2, 0, 1]);
        assert_eq!(vocabulary.movie(ItemIndex(2)), MovieId::new(70));
    }

    #[test]
    fn the_largest_id_has_an_index() {
        let ratings = ratings(&[(1, 7), (1, u32::MAX)]);
        let vocabulary = Vocabulary::of(&ratings);
        assert_eq!(vocabulary.items(), [MovieId::new(7), MovieId::new(u32::MAX)]);
        assert_eq!(vocabulary.item_rows(&ratings.movies), [0, 1]);
    }
}
