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

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pulp::Arch;
use rayon::prelude::*;

use crate::interactions::Csr;
use crate::model::RankingFactors;
use block::{Block, Workspace};
use bounds::Bound;
use items::Items;
pub use kernel::Work;
use screen::Screen;
pub use selection::Scored;

/// What scoring needs, laid out for it.
#[derive(Debug)]
pub struct Scorer<'a> {
    factors: &'a RankingFactors,
    items: Items<'a>,
    /// The items in their own order, if anyone has needed that.
    as_numbered: OnceLock<Items<'a>>,
    bound: Bound,
    screen: Option<Screen>,
    seen: &'a Csr,
    n: usize,
    in_full: AtomicU64,
    in_8_bits: AtomicU64,
}

impl<'a> Scorer<'a> {
    /// Prepares to find the best `n` items of each user that are not in the user's row of `seen`
    /// (n_users x n_items). Copies the item factors once, as far as they are needed.
    #[must_use]
    pub fn new(factors: &'a RankingFactors, seen: &'a Csr, n: usize) -> Self {
        let items = Items::longest_first(&factors.item_factors, factors.n_factors);
        Self {
            screen: Screen::available(factors.n_factors, items.width()),
            n: n.min(items.len()),
            factors,
            items,
            as_numbered: OnceLock::new(),
            bound: Bound::new(factors.n_factors),
            seen,
            in_full: AtomicU64::new(0),
            in_8_bits: AtomicU64::new(0),
        }
    }

    /// The best min(n, unseen) items of each user of a range, best first.
    ///
    /// Cost: at most n_items * n_factors multiplications a user, spread over the threads in blocks of users. Memory:
    /// the lists, and at most some 20 MB a thread.
    #[must_use]
    pub fn top_n(&self, users: Range<usize>) -> Vec<Vec<Scored>> {
        if self.n == 0 {
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
        (users.len() * self.items.len() - n_seen) as u64
    }

    /// How many scores have been computed until now.
    #[must_use]
    pub fn work(&self) -> Work {
        Work {
            in_full: self.in_full.load(Ordering::Relaxed),
            in_8_bits: self.in_8_bits.load(Ordering::Relaxed),
        }
    }

    fn as_numbered(&self) -> &Items<'a> {
        self.as_numbered
            .get_or_init(|| Items::as_numbered(&self.factors.item_factors, self.factors.n_factors))
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

    /// Some users, items, cells that are seen and a length, the factors being drawn one by one. An item's factors
    /// are then multiplied by a power of two, which spreads the norms and keeps ties.
    fn worlds(
        factor: impl Strategy<Value = f32> + Clone + 'static,
        powers: std::ops::Range<i32>,
    ) -> impl Strategy<Value = (RankingFactors, Csr, usize)> {
        (1usize..7, 1usize..90, 1usize..1200, 0usize..40).prop_flat_map(move |(k, n_users, n_items, n)| {
            (
                prop::collection::vec(factor.clone(), n_users * k),
                prop::collection::vec(factor.clone(), n_items * k),
                prop::collection::vec(powers.clone(), n_items),
                prop::collection::btree_set((0..n_users as u32, 0..n_items as u32), 0..n_users * 20),
            )
                .prop_map(move |(user_factors, mut item_factors, powers, seen)| {
                    for (item, power) in item_factors.chunks_exact_mut(k).zip(powers) {
                        item.iter_mut().for_each(|factor| *factor *= 2f32.powi(power));
                    }
                    let factors = RankingFactors { n_factors: k, user_factors, item_factors };
                    let columns: Vec<_> = seen.iter().map(|cell| cell.1).collect();
                    let values = vec![1.0; columns.len()];
                    let seen = Csr::from_sorted(n_users, seen.iter().map(|cell| cell.0), columns, values);
                    (factors, seen, n)
                })
        })
    }

    /// Compares the lists of all users, made by one thread and by two, with the definition.
    fn check((factors, seen, n): (RankingFactors, Csr, usize)) -> Result<(), TestCaseError> {
        for n_threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let lists = pool.install(|| Scorer::new(&factors, &seen, n).top_n(0..seen.n_rows()));
            prop_assert_eq!(lists.len(), seen.n_rows());
            for (user, list) in lists.iter().enumerate() {
                let expected = by_definition(&factors, &seen, n, user);
                let bits = |list: &[Scored]| -> Vec<_> {
                    list.iter().map(|scored| (scored.item, scored.score.to_bits())).collect()
                };
                prop_assert_eq!(bits(list), bits(&expected), "user {}", user);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn lists_are_those_of_a_full_sort_to_the_bit_and_to_the_tie(world in worlds(-1.0f32..1.0, 0..1)) {
            check(world)?;
        }

        /// A coarse grid, so that ties are common, between items of different norms as well; tiny factors, whose
        /// products underflow to zeros of either sign.
        #[test]
        fn ties_and_zeros_are_ordered_as_in_a_full_sort(
            world in worlds(prop::sample::select(vec![-1.5f32, -1.0, -0.0, 0.0, 0.5, 1.0, 1e-30, -1e-30]), -2..3)
        ) {
            check(world)?;
        }

        #[test]
        fn norms_may_be_all_alike(world in worlds(prop::sample::select(vec![-1.0f32, 1.0]), 0..1)) {
            check(world)?;
        }

        #[test]
        fn norms_may_differ_by_magnitudes(world in worlds(-1.0f32..1.0, -40..40)) {
            check(world)?;
        }

        #[test]
        fn scores_may_be_subnormal(world in worlds(-1e-21f32..1e-21, -3..3)) {
            check(world)?;
        }

        /// Up to 7 products of 2^126 at most.
        #[test]
        fn scores_may_be_just_short_of_overflowing(world in worlds(-4e18f32..4e18, -3..1)) {
            check(world)?;
        }
    }

    /// Longer lists, more factors and users than the worlds above have, and every item longer than the one before,
    /// or shorter: what each order of the items does worst.
    #[test]
    fn many_factors_and_long_lists_make_no_difference() {
        for (power, n_factors) in [(-1, 37), (0, 64), (1, 130)] {
            let n_items = 3000;
            let factors = RankingFactors {
                n_factors,
                user_factors: (0..200 * n_factors).map(|x| (x as f32 * 0.7).sin() + 0.4).collect(),
                item_factors: (0..n_items * n_factors)
                    .map(|x| {
                        let length = (1.0 + (x / n_factors) as f32).powi(power);
                        ((x as f32 * 1.3).cos() + 0.2) * length
                    })
                    .collect(),
            };
            let rows = (0..200).flat_map(|user| std::iter::repeat_n(user, 100));
            let columns: Vec<_> =
                (0..200).flat_map(|user| (0..100).map(move |x| x * 29 + user % 29)).collect();
            let values = vec![1.0; columns.len()];
            let seen = Csr::from_sorted(200, rows, columns, values);
            for n in [1, 100, 1500, 5000] {
                let lists = Scorer::new(&factors, &seen, n).top_n(0..200);
                for user in (0..200).step_by(7) {
                    assert_eq!(lists[user], by_definition(&factors, &seen, n, user), "user {user}");
                }
            }
        }
    }

    /// The lower a score, the longer the item: no bound helps, and the order of the norms does harm.
    #[test]
    fn an_order_that_does_harm_is_given_up() {
        let n_items = 4000;
        let factors = RankingFactors {
            n_factors: 2,
            user_factors: [1.0, 0.0].repeat(9),
            item_factors: (0..n_items)
                .flat_map(|x| [x as f32 + 1.0, (2 * n_items - x) as f32 * 9.0])
                .collect(),
        };
        let seen = Csr::from_sorted(9, [8; 3], vec![0, 3998, 3999], vec![1.0; 3]);
        let scorer = Scorer::new(&factors, &seen, 20);
        for (user, list) in scorer.top_n(0..9).iter().enumerate() {
            assert_eq!(list, &by_definition(&factors, &seen, 20, user));
        }
        assert!(scorer.as_numbered.get().is_some());
    }

    #[test]
    fn long_items_spare_the_short_ones_their_scores() {
        let item_factors = (0..40_000).flat_map(|x| [1.0, (x as f32).sin()].map(|f| f / (1.0 + x as f32)));
        let factors = RankingFactors {
            n_factors: 2,
            user_factors: [1.0, 0.1].repeat(50),
            item_factors: item_factors.collect(),
        };
        let seen = Csr::from_sorted(50, [], vec![], vec![]);
        let scorer = Scorer::new(&factors, &seen, 10);
        assert!(scorer.top_n(0..50).iter().all(|list| list.len() == 10));
        let Work { in_full, in_8_bits } = scorer.work();
        assert!(in_full + in_8_bits < scorer.n_candidates(0..50) / 50, "{in_full}, {in_8_bits}");
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
