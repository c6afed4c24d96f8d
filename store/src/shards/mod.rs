//! Shards of users: the assignment of users to shards, and the Parquet files of a shard's ratings and results.
//!
//! A shard is the unit of work of a large run and the unit that a server owns. Other programs can read and write its files
//! (ids as unsigned 32-bit integers, or non-negative signed ones; one row per user, ids ascending; no nulls):
//!
//! | file | columns |
//! |---|---|
//! | ratings | `user_id`, `movies` (list, ids ascending), `ratings` (list of stars) |
//! | results | the same, `factors` (`ranking`, `rating`: lists), `top_n` (`movies`, `scores`, `ratings`: lists, best first) |
//! | items | `id`, `features` (list; as Spark's ALS names them), `rating` (list: the item of the rating model) |

mod columns;
mod items;
mod owned;
mod ratings;
mod results;

use crate::ids::UserId;
pub use items::{Items, read_items, write_items};
pub use owned::{InvalidShards, Owned};
pub use ratings::{RatingsBatch, RatingsReader, RatingsWriter};
pub use results::{ResultsBatch, ResultsReader, ResultsWriter};

/// The maximum number of shards: the names of their files have five digits.
pub const MOST_SHARDS: u32 = 100_000;

/// Lists of any length: row `r` has the values `indptr[r]..indptr[r + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists<T> {
    /// The begin of each row and the end of the last (n_rows + 1).
    pub indptr: Vec<usize>,
    /// The values of all rows, one after the other.
    pub values: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { indptr: vec![0], values: Vec::new() }
    }
}

impl<T: Clone> Lists<T> {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[self.indptr[row]..self.indptr[row + 1]]
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[T]) {
        self.values.extend_from_slice(row);
        self.indptr.push(self.values.len());
    }
}

/// The shard of a user: the high bits of a multiplicative hash (Knuth, TAOCP 3, 6.4), so that consecutive ids are spread
/// evenly. Part of the contract: other programs that cut ratings use the same formula.
///
/// ```text
/// shard = ((user * 2654435769 mod 2^32) * n_shards) >> 32
/// ```
#[must_use]
pub const fn shard_of(user: UserId, n_shards: u32) -> u32 {
    let hash = user.get().wrapping_mul(2_654_435_769);
    ((hash as u64 * n_shards as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_row_spread_evenly_and_a_single_shard_has_all() {
        let mut n_users = vec![0; 32];
        (0..20_000).for_each(|user| n_users[shard_of(UserId::new(user), 32) as usize] += 1);
        assert!(n_users.iter().all(|n| (600..650).contains(n)), "{n_users:?}");
        assert_eq!(shard_of(UserId::new(u32::MAX), 1), 0);
        // Never to be changed: files of other programs depend on it.
        assert_eq!([1, 18, 600].map(|user| shard_of(UserId::new(user), 4096)), [2531, 510, 3360]);
    }
}
