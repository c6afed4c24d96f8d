//! Exact top-N: the best N of all items that a user has not seen, for many users at once.
//!
//! Input: user factors (n_users x n_factors), item factors (n_items x n_factors), and the seen items of each
//! user. Output: a list for each user. A score is the dot product of the user's and the item's factors: fused
//! multiply-adds in f32, from the first factor to the last. That order is part of the contract: every
//! instruction set and every number of threads gives the same bits. Candidates are ordered by score
//! descending, then by item index ascending. Factors must be finite, and so small that no score overflows.
//!
//! The lists equal those of computing and sorting every score, but most scores need not be computed:
//!
//! - Items are scored in the order of their norms (`tiled_items`). No score exceeds the product of the two
//!   norms, rounding included (`bounds`), so a user is complete when that product falls below the user's N-th
//!   best score.
//! - On machines that multiply bytes fast, scores are first computed in 8 bits (`screen`), and only those that may be
//!   among the best are computed in full.
//! - Scores of a tile stay in registers and are compared there with the user's threshold (`kernel`). Those
//!   that exceed it are held beside the N best and pruned from time to time (`selection`).
//!
//! The order and the bounds affect only the time. `user_block` combines these parts for a block of users.

mod bounds;
mod screen;
mod tiled_items;
mod selection;
mod kernel;
mod user_block;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use interactions::Csr;
use pulp::Arch;
use rayon::prelude::*;

use bounds::Bound;
pub use kernel::ScoreCounts;
use ranking::RankingFactors;
pub use ranking::Scored;
use screen::Screen;
use tiled_items::TiledItems;
use user_block::{UserBlock, Workspace};

/// The items, laid out for scoring. Any number of batches of users can share them.
#[derive(Debug)]
pub struct PreparedItems<'a> {
    n_factors: usize,
    /// In the order of their norms.
    tiles: TiledItems<'a>,
    /// In the order of their indices, laid out on first use. They own a copy of the factors, because a
    /// lifetime of `'a` in a `OnceLock` would make this type invariant.
    by_index: OnceLock<TiledItems<'static>>,
    bound: Bound,
    screen: Option<Screen>,
    /// The length of the lists.
    n: usize,
}

impl<'a> PreparedItems<'a> {
    /// Prepares items (`item_factors` is n_items x n_factors, row-major) for lists of `n` items. Factors are
    /// copied once, as far as they are needed.
    #[must_use]
    pub fn new(item_factors: impl Into<Cow<'a, [f32]>>, n_factors: usize, n: usize) -> Self {
        let tiles = TiledItems::largest_norm_first(item_factors.into(), n_factors);
        Self {
            screen: Screen::available(n_factors, tiles.width()),
            n: n.min(tiles.len()),
            n_factors,
            tiles,
            by_index: OnceLock::new(),
            bound: Bound::new(n_factors),
        }
    }

    /// The number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.tiles.len()
    }

    fn by_index(&self) -> &TiledItems<'static> {
        self.by_index.get_or_init(|| self.tiles.by_index())
    }
}

/// Scores users against prepared items, without the items that they have seen.
#[derive(Debug)]
pub struct Scorer<'a> {
    items: Arc<PreparedItems<'a>>,
    /// n_users x n_factors, row-major.
    user_factors: &'a [f32],
    /// n_users x n_items.
    seen: &'a Csr,
    in_full: AtomicU64,
    in_8_bits: AtomicU64,
}

impl<'a> Scorer<'a> {
    /// A scorer for lists of the best `n` items that are not in a user's row of `seen` (n_users x n_items).
    #[must_use]
    pub fn new(factors: &'a RankingFactors, seen: &'a Csr, n: usize) -> Self {
        let items = PreparedItems::new(factors.item_factors.as_slice(), factors.n_factors, n);
        Self::over(Arc::new(items), &factors.user_factors, seen)
    }

    /// A scorer with items that are prepared already. `user_factors` is n_users x n_factors, row-major;
    /// `seen` is n_users x n_items.
    #[must_use]
    pub fn over(items: Arc<PreparedItems<'a>>, user_factors: &'a [f32], seen: &'a Csr) -> Self {
        Self { items, user_factors, seen, in_full: AtomicU64::new(0), in_8_bits: AtomicU64::new(0) }
    }

    /// The lists of a range of users, in order: the best min(n, unseen) items of each, best first.
    ///
    /// Cost: at most n_items * n_factors multiplications a user, in parallel over blocks of users. Memory:
    /// the lists, and at most some 20 MB a thread.
    #[must_use]
    pub fn top_n(&self, users: Range<usize>) -> Vec<Vec<Scored>> {
        if self.items.n == 0 {
            return vec![Vec::new(); users.len()];
        }
        let n_together = user_block::max_users(self);
        let blocks: Vec<_> = users.clone().step_by(n_together).collect();
        let lists = blocks.into_par_iter().map_init(
            || Workspace::new(self),
            |workspace, first| {
                let users = first..users.end.min(first + n_together);
                let (lists, counts) = Arch::new().dispatch(UserBlock { scorer: self, users, workspace });
                self.in_full.fetch_add(counts.in_full, Ordering::Relaxed);
                self.in_8_bits.fetch_add(counts.in_8_bits, Ordering::Relaxed);
                lists
            },
        );
        lists.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// The number of candidates of a range of users: pairs of a user and an unseen item.
    #[must_use]
    pub fn n_candidates(&self, users: Range<usize>) -> u64 {
        let n_seen: usize = users.clone().map(|user| self.seen.columns(user).len()).sum();
        (users.len() * self.items.n_items() - n_seen) as u64
    }

    /// The numbers of scores that have been computed so far.
    #[must_use]
    pub fn score_counts(&self) -> ScoreCounts {
        ScoreCounts {
            in_full: self.in_full.load(Ordering::Relaxed),
            in_8_bits: self.in_8_bits.load(Ordering::Relaxed),
        }
    }

    /// The factors of a user.
    fn user(&self, user: usize) -> &[f32] {
        let k = self.items.n_factors;
        &self.user_factors[user * k..][..k]
    }
}

#[cfg(test)]
mod tests;
