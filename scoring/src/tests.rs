//! Tests of the lists against their definition, with random and with hostile factors.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// The list by definition: every unseen item scored by a plain loop, then a full sort.
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

/// Random factors of users and items, seen cells, and a length of the lists. Each item's factors are
/// multiplied by a power of two, which spreads the norms and keeps ties.
fn cases(
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

/// Compares the lists of all users, by one thread and by two, with the definition.
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
    fn lists_equal_those_of_a_full_sort(case in cases(-1.0f32..1.0, 0..1)) {
        check(case)?;
    }

    /// A coarse grid of factors, so that ties are common, also between items of different norms; and tiny
    /// factors, whose products underflow to zeros of either sign.
    #[test]
    fn ties_and_zeros_are_ordered_as_in_a_full_sort(
        case in cases(prop::sample::select(vec![-1.5f32, -1.0, -0.0, 0.0, 0.5, 1.0, 1e-30, -1e-30]), -2..3)
    ) {
        check(case)?;
    }

    #[test]
    fn lists_are_exact_if_all_norms_are_equal(case in cases(prop::sample::select(vec![-1.0f32, 1.0]), 0..1)) {
        check(case)?;
    }

    #[test]
    fn lists_are_exact_if_norms_differ_by_orders_of_magnitude(case in cases(-1.0f32..1.0, -40..40)) {
        check(case)?;
    }

    #[test]
    fn lists_are_exact_if_scores_are_subnormal(case in cases(-1e-21f32..1e-21, -3..3)) {
        check(case)?;
    }

    /// Sums of up to 7 products of at most 2^126.
    #[test]
    fn lists_are_exact_if_scores_nearly_overflow(case in cases(-4e18f32..4e18, -3..1)) {
        check(case)?;
    }
}

/// Longer lists and more factors and users than the cases above. Norms ascend or descend with the index,
/// which is the worst case of each order of the items.
#[test]
fn lists_are_exact_with_many_factors_and_long_lists() {
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
        let columns: Vec<_> = (0..200).flat_map(|user| (0..100).map(move |x| x * 29 + user % 29)).collect();
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

/// Factors for which the bounds are tight: items of nearly one direction, norms and factors of all
/// magnitudes, numbers at both ends of the range.
#[test]
fn lists_are_exact_if_the_bounds_are_tight() {
    let mut stream = ChaCha8Rng::seed_from_u64(5);
    let (n_users, n_items) = (19, 900);
    for n_factors in [1, 3, 64, 1025] {
        let direction: Vec<f32> = (0..n_factors).map(|_| stream.random_range(-1.0..1.0)).collect();
        let root = (n_factors as f32).sqrt();
        for kind in 0..6 {
            let mut row = |is_item: bool| -> Vec<f32> {
                let nearly_one = 1.0 + stream.random_range(-1e-6..1e-6);
                let magnitude = 10f32.powi(stream.random_range(-12..6));
                let factor = |(d, &along): (usize, &f32)| {
                    let x = stream.random_range(-1.0f32..1.0);
                    match kind {
                        0 => along * nearly_one,
                        1 => along * magnitude,
                        2 => x * if d % 7 == 0 { 1e3 } else { 1e-3 },
                        3 => x * if is_item { 1e-43 } else { 1e3 },
                        4 => x / root * if is_item { 1e38 } else { 0.5 },
                        _ => -along.abs() * if is_item { nearly_one } else { -1.0 },
                    }
                };
                direction.iter().enumerate().map(factor).collect()
            };
            let factors = RankingFactors {
                n_factors,
                user_factors: (0..n_users).flat_map(|_| row(false)).collect(),
                item_factors: (0..n_items).flat_map(|_| row(true)).collect(),
            };
            // The third user has seen all but one.
            let cells =
                (0..n_users as u32).flat_map(|user| (0..n_items as u32).map(move |item| (user, item)));
            let (rows, columns): (Vec<_>, Vec<_>) =
                cells.filter(|&(user, item)| user == 2 && item != 5 || (user * 31 + item) % 50 == 0).unzip();
            let values = vec![1.0; columns.len()];
            let seen = Csr::from_sorted(n_users, rows, columns, values);
            for n in [1, 7, 90] {
                for (user, list) in Scorer::new(&factors, &seen, n).top_n(0..n_users).iter().enumerate() {
                    let expected = by_definition(&factors, &seen, n, user);
                    assert_eq!(list, &expected, "{n_factors} factors, kind {kind}, user {user}");
                }
            }
        }
    }
}

/// Lists of overflowing scores have no meaning, but nothing panics and no item is listed twice.
#[test]
fn scores_that_overflow_cause_no_panic_and_no_duplicates() {
    for large in [1e30, f32::MAX, f32::INFINITY, f32::NAN] {
        let wave = |x: usize| if x.is_multiple_of(7) { large } else { (x as f32).sin() };
        let factors = RankingFactors {
            n_factors: 3,
            user_factors: (0..60).map(wave).collect(),
            item_factors: (0..3000).map(wave).collect(),
        };
        let seen = Csr::from_sorted(20, [], vec![], vec![]);
        for list in Scorer::new(&factors, &seen, 500).top_n(0..20) {
            let items: BTreeSet<_> = list.iter().map(|scored| scored.item).collect();
            assert_eq!(items.len(), list.len());
        }
    }
}

/// Items of larger norms have lower scores: no bound helps, and the order of the norms is harmful.
#[test]
fn a_harmful_order_is_replaced_by_that_of_the_indices() {
    let n_items = 4000;
    let factors = RankingFactors {
        n_factors: 2,
        user_factors: [1.0, 0.0].repeat(9),
        item_factors: (0..n_items).flat_map(|x| [x as f32 + 1.0, (2 * n_items - x) as f32 * 9.0]).collect(),
    };
    let seen = Csr::from_sorted(9, [8; 3], vec![0, 3998, 3999], vec![1.0; 3]);
    let scorer = Scorer::new(&factors, &seen, 20);
    for (user, list) in scorer.top_n(0..9).iter().enumerate() {
        assert_eq!(list, &by_definition(&factors, &seen, 20, user));
    }
    assert!(scorer.items.by_index.get().is_some());
}

#[test]
fn few_scores_are_computed_if_norms_decrease_fast() {
    let item_factors = (0..40_000).flat_map(|x| [1.0, (x as f32).sin()].map(|f| f / (1.0 + x as f32)));
    let factors = RankingFactors {
        n_factors: 2,
        user_factors: [1.0, 0.1].repeat(50),
        item_factors: item_factors.collect(),
    };
    let seen = Csr::from_sorted(50, [], vec![], vec![]);
    let scorer = Scorer::new(&factors, &seen, 10);
    assert!(scorer.top_n(0..50).iter().all(|list| list.len() == 10));
    let ScoreCounts { in_full, in_8_bits } = scorer.score_counts();
    assert!(in_full + in_8_bits < scorer.n_candidates(0..50) / 50, "{in_full}, {in_8_bits}");
}

#[test]
fn a_user_with_no_unseen_items_gets_an_empty_list_and_one_with_three_gets_three() {
    let factors = RankingFactors { n_factors: 1, user_factors: vec![1.0; 2], item_factors: vec![2.0; 100] };
    let rows = (0..100).map(|_| 0).chain((0..97).map(|_| 1));
    let seen = Csr::from_sorted(2, rows, (0..100).chain(3..100).collect(), vec![1.0; 197]);
    let scorer = Scorer::new(&factors, &seen, 10);
    let lists = scorer.top_n(0..2);
    assert!(lists[0].is_empty());
    assert_eq!(lists[1].iter().map(|scored| scored.item).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(scorer.n_candidates(0..2), 3);
}

#[test]
fn a_range_of_users_gets_the_same_lists_as_all_users() {
    let factors = RankingFactors {
        n_factors: 2,
        user_factors: (0..300).map(|x| (x as f32 * 0.7).sin()).collect(),
        item_factors: (0..2200).map(|x| (x as f32 * 1.3).cos()).collect(),
    };
    let seen = Csr::from_sorted(150, [], vec![], vec![]);
    let scorer = Scorer::new(&factors, &seen, 5);
    assert_eq!(scorer.top_n(0..150)[70..90], scorer.top_n(70..90));
}
