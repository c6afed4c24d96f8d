//! Exact top-N of the unseen: of every user the best N of all items that the user has not rated.
//!
//! A score is the dot product of the user's and the item's factors: fused multiply-adds in f32, from the first
//! factor to the last. That order is part of the contract: every instruction set and every number of threads
//! gives the same bits. Candidates are ordered by score descending, then by item ascending (which is movie id
//! ascending). Factors must be finite, and so small that no score overflows.
//!
//! The lists are those of computing every score and sorting all, but most scores need not be computed:
//!
//! - Items are met in the order of their norms (`items`). No score exceeds the product of two norms, rounding
//!   included (`bounds`), so a user is done where that product falls below the user's N-th best so far.
//! - Where the machine multiplies bytes fast, scores are first looked at in 8 bits (`screen`), and only what may
//!   be among the best is computed in full.
//! - What is computed in full by the tile lives in registers and is compared there with the user's threshold
//!   (`kernel`); what exceeds it is held beside the N best and sorted out now and then (`selection`).
//!
//! Neither order nor bounds decide anything but how long it takes. `block` leads some users through it.

mod bounds;
mod items;
mod screen;
mod kernel;
mod selection;
mod block;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use interactions::Csr;
use pulp::Arch;
use rayon::prelude::*;

use block::{Block, Workspace};
use bounds::Bound;
use items::Items;
pub use kernel::ScoreCounts;
use ranking::RankingFactors;
pub use ranking::Scored;
use screen::Screen;

/// The items, laid out for scoring: what users of any number of batches have in common.
#[derive(Debug)]
pub struct PreparedItems<'a> {
    n_factors: usize,
    items: Items<'a>,
    /// The items in their own order, if anyone has needed that: with factors of their own, so that items that live for
    /// ever can be scored for users who do not.
    as_numbered: OnceLock<Items<'static>>,
    bound: Bound,
    screen: Option<Screen>,
    n: usize,
}

impl<'a> PreparedItems<'a> {
    /// Prepares to find the best `n` of items with some factors (n_items x n_factors, row-major). Copies them once, as
    /// far as they are needed.
    #[must_use]
    pub fn new(item_factors: impl Into<Cow<'a, [f32]>>, n_factors: usize, n: usize) -> Self {
        let items = Items::longest_first(item_factors.into(), n_factors);
        Self {
            screen: Screen::available(n_factors, items.width()),
            n: n.min(items.len()),
            n_factors,
            items,
            as_numbered: OnceLock::new(),
            bound: Bound::new(n_factors),
        }
    }

    /// The number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    fn as_numbered(&self) -> &Items<'static> {
        self.as_numbered.get_or_init(|| self.items.renumbered())
    }
}

/// What scoring needs: the items, and some users with what they have seen.
#[derive(Debug)]
pub struct Scorer<'a> {
    catalogue: Arc<PreparedItems<'a>>,
    /// n_users x n_factors, row-major.
    user_factors: &'a [f32],
    seen: &'a Csr,
    in_full: AtomicU64,
    in_8_bits: AtomicU64,
}

impl<'a> Scorer<'a> {
    /// Prepares to find the best `n` items of each user that are not in the user's row of `seen`
    /// (n_users x n_items).
    #[must_use]
    pub fn new(factors: &'a RankingFactors, seen: &'a Csr, n: usize) -> Self {
        let catalogue = PreparedItems::new(factors.item_factors.as_slice(), factors.n_factors, n);
        Self::over(Arc::new(catalogue), &factors.user_factors, seen)
    }

    /// The same of items that are laid out already.
    #[must_use]
    pub fn over(catalogue: Arc<PreparedItems<'a>>, user_factors: &'a [f32], seen: &'a Csr) -> Self {
        Self { catalogue, user_factors, seen, in_full: AtomicU64::new(0), in_8_bits: AtomicU64::new(0) }
    }

    /// The best min(n, unseen) items of each user of a range, best first.
    ///
    /// Cost: at most n_items * n_factors multiplications a user, spread over the threads in blocks of users. Memory:
    /// the lists, and at most some 20 MB a thread.
    #[must_use]
    pub fn top_n(&self, users: Range<usize>) -> Vec<Vec<Scored>> {
        if self.catalogue.n == 0 {
            return vec![Vec::new(); users.len()];
        }
        let n_together = block::users(self);
        let blocks: Vec<_> = users.clone().step_by(n_together).collect();
        let lists = blocks.into_par_iter().map_init(
            || Workspace::new(self),
            |workspace, first| {
                let users = first..users.end.min(first + n_together);
                let (lists, work) = Arch::new().dispatch(Block { scorer: self, users, workspace });
                self.in_full.fetch_add(work.in_full, Ordering::Relaxed);
                self.in_8_bits.fetch_add(work.in_8_bits, Ordering::Relaxed);
                lists
            },
        );
        lists.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// How many candidates a range of users has, all of which may be in a list.
    #[must_use]
    pub fn n_candidates(&self, users: Range<usize>) -> u64 {
        let n_seen: usize = users.clone().map(|user| self.seen.columns(user).len()).sum();
        (users.len() * self.catalogue.n_items() - n_seen) as u64
    }

    /// How many scores have been computed until now.
    #[must_use]
    pub fn score_counts(&self) -> ScoreCounts {
        ScoreCounts {
            in_full: self.in_full.load(Ordering::Relaxed),
            in_8_bits: self.in_8_bits.load(Ordering::Relaxed),
        }
    }

    fn user(&self, user: usize) -> &[f32] {
        let k = self.catalogue.n_factors;
        &self.user_factors[user * k..][..k]
    }
}

#[cfg(test)]
mod tests;
