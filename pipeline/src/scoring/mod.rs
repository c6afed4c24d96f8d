//! Exact top-N of the unseen: for every user, every item that the user has not rated is scored.
//!
//! A score is the dot product of the user's and the item's factors: fused multiply-adds in f32, from the first
//! factor to the last. That order is part of the contract: every instruction set and every number of threads
//! gives the same bits. Candidates are ordered by score descending, then by item ascending (which is movie id
//! ascending). Factors must be finite, and so small that no score overflows.
//!
//! Users are scored in blocks, items in panels that stay in a core's cache; scores live in registers and are
//! compared with the user's running threshold, so no row of scores is ever stored.

mod bounds;
mod items;
mod screen;
mod kernel;
mod selection;

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::interactions::Csr;
use crate::model::RankingFactors;
use crate::tile::ROWS;
use bounds::{Bound, norm};
use items::Items;
use kernel::{Kernel, Rows};
use screen::Screen;
use selection::Rank;
pub use selection::Scored;
use selection::Selection;

/// Users that a task scores together, unless their selections need much memory.
const BLOCK: usize = 128;
/// The most that the selections of a block may take, in bytes.
const BLOCK_BYTES: usize = 16 << 20;
/// Items that are scored before users are sorted by how many more they need.
const HEAD: usize = 256;
/// So many tiles for some users to go through, and a first look at each is worth its preparation.
const MANY_TILES: usize = 8;

/// What scoring needs, laid out for it.
#[derive(Debug)]
pub struct Scorer<'a> {
    factors: &'a RankingFactors,
    items: Items<'a>,
    bound: Bound,
    screen: Option<Screen>,
    seen: &'a Csr,
    n: usize,
}

impl<'a> Scorer<'a> {
    /// Prepares to find the best `n` items of each user that are not in the user's row of `seen`
    /// (n_users x n_items). Copies the item factors once.
    #[must_use]
    pub fn new(factors: &'a RankingFactors, seen: &'a Csr, n: usize) -> Self {
        let items = Items::new(&factors.item_factors, factors.n_factors);
        let screen = Screen::available(factors.n_factors, items.width());
        let n = n.min(items.len());
        Self { factors, items, bound: Bound::new(factors.n_factors), screen, seen, n }
    }

    /// The best min(n, unseen) items of each user of a range, best first.
    ///
    /// Cost: n_items * n_factors multiplications a user, spread over the threads in blocks of users.
    #[must_use]
    pub fn top_n(&self, users: Range<usize>) -> Vec<Vec<Scored>> {
        if self.n == 0 {
            return vec![Vec::new(); users.len()];
        }
        let n_together = self.users_together();
        let blocks: Vec<_> = users.clone().step_by(n_together).collect();
        let lists = blocks.into_par_iter().map_init(
            || Workspace::new(self, n_together),
            |workspace, first| {
                let users = first..users.end.min(first + n_together);
                Arch::new().dispatch(ScoreBlock { scorer: self, users, workspace })
            },
        );
        lists.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// How many candidates are scored for a range of users.
    #[must_use]
    pub fn n_candidates(&self, users: Range<usize>) -> u64 {
        let n_seen: usize = users.clone().map(|user| self.seen.columns(user).len()).sum();
        (users.len() * self.items.len() - n_seen) as u64
    }

    fn room(&self) -> usize {
        self.n + self.n.max(64) + self.items.width()
    }

    fn users_together(&self) -> usize {
        let bytes = self.room() * size_of::<Rank>() + self.items.len() / 8;
        (BLOCK_BYTES / bytes).clamp(1, BLOCK)
    }
}

/// What a task works with; the next block uses it again.
struct Workspace {
    ranks: Vec<Rank>,
    seen: Vec<u32>,
    rows: Vec<Rows>,
}

impl Workspace {
    fn new(scorer: &Scorer<'_>, n_users: usize) -> Self {
        Self {
            ranks: vec![Rank::NONE; n_users * scorer.room()],
            seen: vec![0; n_users * scorer.items.len().div_ceil(32)],
            rows: (0..n_users.div_ceil(ROWS)).map(|_| Rows::default()).collect(),
        }
    }
}

/// Scores a block of users against all items.
struct ScoreBlock<'a> {
    scorer: &'a Scorer<'a>,
    users: Range<usize>,
    workspace: &'a mut Workspace,
}

impl WithSimd for ScoreBlock<'_> {
    type Output = Vec<Vec<Scored>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { scorer, users, workspace } = self;
        let Scorer { factors, items, bound, seen, .. } = scorer;
        let k = factors.n_factors;
        let kernel = Kernel { simd, items, user_factors: &factors.user_factors, n_factors: k };
        let ranks = workspace.ranks.chunks_exact_mut(scorer.room());
        let bits = workspace.seen.chunks_exact_mut(items.len().div_ceil(32));
        let mut selections: Vec<_> = users
            .clone()
            .zip(ranks.zip(bits))
            .map(|(user, (ranks, bits))| {
                let norm = norm(factors.user(user));
                let mut selection = Selection::new(user, norm, scorer.n, *bound, ranks, bits);
                for &item in seen.columns(user) {
                    selection.hide(items.place(item));
                }
                selection
            })
            .collect();
        let head = HEAD.max(2 * scorer.n).div_ceil(items.width()).min(items.n_tiles());
        for (rows, group) in workspace.rows.iter_mut().zip(selections.chunks_mut(ROWS)) {
            rows.fill(group.iter().map(|selection| factors.user(selection.user)), k);
            kernel.score(rows, 0..head, group);
            for selection in group {
                selection.sort_out();
            }
        }
        selections.sort_by(|a, b| a.cut().total_cmp(&b.cut()));
        let mut ends = Vec::new();
        for (rows, group) in workspace.rows.iter_mut().zip(selections.chunks_mut(ROWS)) {
            let cut = group.iter().fold(f64::INFINITY, |cut, selection| cut.min(selection.cut()));
            let end = items.tiles_above(cut);
            if end > head {
                rows.fill(group.iter().map(|selection| factors.user(selection.user)), k);
            }
            if end > head + MANY_TILES && scorer.screen.is_some() {
                rows.fill_screen(group.iter().map(|selection| factors.user(selection.user)), k, *bound);
            }
            ends.push(end);
        }
        let mut checkpoints = vec![head];
        while let Some(&last) = checkpoints.last()
            && last < items.n_tiles()
        {
            checkpoints.push((last * 2).min(items.n_tiles()));
        }
        for panel in checkpoints.windows(2).flat_map(|range| items.panels(range[0]..range[1])) {
            for ((rows, group), &end) in workspace.rows.iter_mut().zip(selections.chunks_mut(ROWS)).zip(&ends)
            {
                match scorer.screen {
                    Some(screen) if end > head + MANY_TILES => {
                        kernel.screen(screen, rows, panel.clone(), group);
                    }
                    _ => kernel.score(rows, panel.clone(), group),
                }
                for selection in group {
                    selection.refresh();
                }
            }
        }
        let mut lists = vec![Vec::new(); users.len()];
        for mut selection in selections {
            kernel.score_pending(&mut selection);
            lists[selection.user - users.start] = selection.finish();
        }
        lists
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: every unseen item by a plain loop, then a full sort.
    fn by_definition(factors: &RankingFactors, seen: &Csr, n: usize, user: usize) -> Vec<Scored> {
        let n_items = factors.item_factors.len() / factors.n_factors;
        let mut all: Vec<Scored> = (0..n_items)
            .filter(|&item| !seen.columns(user).contains(&(item as u32)))
            .map(|item| {
                let mut score = 0.0f32;
                for (p, q) in factors.user(user).iter().zip(factors.item(item)) {
                    score = p.mul_add(*q, score);
                }
                Scored { item: item as u32, score }
            })
            .collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        all.truncate(n);
        all
    }

    /// Factors from a coarse grid, so that ties and zeros of either sign are common.
    fn worlds() -> impl Strategy<Value = (RankingFactors, Csr, usize)> {
        (1usize..6, 1usize..90, 1usize..200, 0usize..40).prop_flat_map(|(k, n_users, n_items, n)| {
            let grid = prop::sample::select(vec![-1.5f32, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1e-20, 3e8]);
            (
                prop::collection::vec(grid.clone(), n_users * k),
                prop::collection::vec(grid, n_items * k),
                prop::collection::btree_set(
                    (0..n_users as u32, 0..n_items as u32),
                    0..n_users * n_items / 2 + 1,
                ),
            )
                .prop_map(move |(user_factors, item_factors, seen)| {
                    let factors = RankingFactors { n_factors: k, user_factors, item_factors };
                    let columns: Vec<_> = seen.iter().map(|cell| cell.1).collect();
                    let values = vec![1.0; columns.len()];
                    let seen = Csr::from_sorted(n_users, seen.iter().map(|cell| cell.0), columns, values);
                    (factors, seen, n)
                })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn lists_are_those_of_a_full_sort_to_the_bit_and_to_the_tie((factors, seen, n) in worlds()) {
            let n_users = seen.n_rows();
            let lists = Scorer::new(&factors, &seen, n).top_n(0..n_users);
            prop_assert_eq!(lists.len(), n_users);
            for (user, list) in lists.iter().enumerate() {
                prop_assert_eq!(list, &by_definition(&factors, &seen, n, user));
            }
        }
    }

    #[test]
    fn a_user_who_has_seen_everything_gets_nothing_and_one_who_has_seen_all_but_three_gets_three() {
        let factors =
            RankingFactors { n_factors: 1, user_factors: vec![1.0; 2], item_factors: vec![2.0; 100] };
        let rows = (0..100).map(|_| 0).chain((0..97).map(|_| 1));
        let seen = Csr::from_sorted(2, rows, (0..100).chain(3..100).collect(), vec![1.0; 197]);
        let scorer = Scorer::new(&factors, &seen, 10);
        let lists = scorer.top_n(0..2);
        assert!(lists[0].is_empty());
        assert_eq!(lists[1].iter().map(|scored| scored.item).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(scorer.n_candidates(0..2), 3);
    }

    #[test]
    fn a_part_of_the_users_gets_the_lists_that_all_get() {
        let factors = RankingFactors {
            n_factors: 2,
            user_factors: (0..300).map(|x| (x as f32 * 0.7).sin()).collect(),
            item_factors: (0..2200).map(|x| (x as f32 * 1.3).cos()).collect(),
        };
        let seen = Csr::from_sorted(150, [], vec![], vec![]);
        let scorer = Scorer::new(&factors, &seen, 5);
        assert_eq!(scorer.top_n(0..150)[70..90], scorer.top_n(70..90));
    }
}
