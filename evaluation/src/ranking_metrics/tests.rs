//! Ranking metrics compared with values computed by hand, and with their definitions over full lists.

use std::collections::{BTreeMap, BTreeSet};

use interactions::popularity;
use proptest::prelude::*;

use super::*;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn metrics_equal_values_computed_by_hand() {
    // The list of user 0 has two of three relevant items, at ranks 1 and 3; user 1 has none; the list of user 2 has
    // none.
    let rows = [0, 0, 0, 0, 1, 2];
    let stars = vec![4.0, 5.0, 4.5, 3.5, 1.0, 4.0];
    let test = Csr::from_sorted(3, rows, vec![0, 2, 7, 8, 0, 9], stars);
    let cutoffs = Cutoffs::new(&[2, 4]).unwrap();
    let evaluator = RankingEvaluator::new(&test, 10, Relevance::default(), &cutoffs).unwrap();
    assert_eq!(evaluator.users(), Users { evaluated: 2, without_relevant: 1 });
    let lists = [vec![2, 8, 0, 5], vec![0, 1, 2, 3], vec![1, 3, 5, 6]];
    let metrics = evaluator.measure(|users| lists[users].to_vec()).metrics;

    let discount = |rank: f64| 1.0 / (rank + 1.0).log2();
    for (name, of_user_0) in [
        ("recall@2", 1.0 / 2.0),
        ("recall@4", 2.0 / 3.0),
        ("ndcg@2", discount(1.0) / (discount(1.0) + discount(2.0))),
        ("ndcg@4", (discount(1.0) + discount(3.0)) / (discount(1.0) + discount(2.0) + discount(3.0))),
        ("map@2", 1.0 / 2.0),
        ("map@4", (1.0 + 2.0 / 3.0) / 3.0),
        ("hit_rate@2", 1.0),
        ("hit_rate@4", 1.0),
    ] {
        assert!(close(metrics[name], of_user_0 / 2.0), "{name} is {}", metrics[name]);
    }
    assert_eq!(metrics["coverage@2"], 5.0 / 10.0, "0, 1, 2, 3 and 8: the lists of all three users count");
}

#[test]
fn a_list_that_begins_with_all_relevant_items_has_metrics_of_exactly_one() {
    let test = Csr::from_sorted(1, [0; 5], vec![1, 3, 4, 6, 8], vec![5.0; 5]);
    let cutoffs = Cutoffs::new(&[3, 7]).unwrap();
    let evaluator = RankingEvaluator::new(&test, 9, Relevance::Any, &cutoffs).unwrap();
    let metrics = evaluator.measure(|_| vec![vec![8, 3, 6, 1, 4, 0, 2]]).metrics;
    for name in ["recall@3", "ndcg@3", "map@3", "hit_rate@3", "recall@7", "ndcg@7", "map@7"] {
        assert_eq!(metrics[name], 1.0, "{name}");
    }
}

#[test]
fn a_threshold_without_relevant_ratings_is_an_error() {
    let test = Csr::from_sorted(1, [0], vec![1], vec![3.0]);
    let error =
        RankingEvaluator::new(&test, 9, Relevance::default(), &Cutoffs::default()).unwrap_err().to_string();
    assert!(error.contains("--relevant-at is 4"), "{error}");
}

/// Ratings (train or test), a score for every user and item, and cutoffs.
#[derive(Debug)]
struct Case {
    ratings: BTreeMap<(u32, u32), (f32, bool)>,
    scores: Vec<Vec<u8>>,
    cutoffs: Vec<usize>,
}

const N_USERS: usize = 9;

fn cases() -> impl Strategy<Value = Case> {
    (4usize..40).prop_flat_map(|n_items| {
        let cell = (0..N_USERS as u32, 0..n_items as u32);
        let stars = prop::sample::select(vec![2.0f32, 3.5, 4.0, 5.0]);
        (
            prop::collection::btree_map(cell, (stars, any::<bool>()), 1..N_USERS * n_items / 2),
            prop::collection::vec(prop::collection::vec(0u8..12, n_items), N_USERS),
            prop::collection::vec(1..=n_items, 1..4),
        )
            .prop_map(|(ratings, scores, cutoffs)| Case { ratings, scores, cutoffs })
    })
}

impl Case {
    fn part(&self, test: bool) -> Csr {
        let cells: Vec<_> = self.ratings.iter().filter(|rating| rating.1.1 == test).collect();
        let columns = cells.iter().map(|cell| cell.0.1).collect();
        let stars = cells.iter().map(|cell| cell.1.0).collect();
        Csr::from_sorted(N_USERS, cells.iter().map(|cell| cell.0.0), columns, stars)
    }

    /// All items without a training rating by the user, best first.
    fn full_list(&self, user: usize) -> Vec<u32> {
        let scores = &self.scores[user];
        let mut items: Vec<u32> = (0..scores.len() as u32)
            .filter(|&item| self.ratings.get(&(user as u32, item)).is_none_or(|rating| rating.1))
            .collect();
        items.sort_by_key(|&item| (std::cmp::Reverse(scores[item as usize]), item));
        items
    }

    fn relevant(&self, user: usize) -> BTreeSet<u32> {
        let of_user = self.ratings.iter().filter(|(key, _)| key.0 as usize == user);
        of_user.filter(|(_, (stars, test))| *test && *stars >= 4.0).map(|(key, _)| key.1).collect()
    }

    /// The definitions over full lists. `None` if no user has a relevant item.
    fn by_definition(&self, k: usize) -> Option<BTreeMap<String, f64>> {
        let users: Vec<_> = (0..N_USERS).filter(|&user| !self.relevant(user).is_empty()).collect();
        let mean = |figure: &dyn Fn(&[u32], &BTreeSet<u32>) -> f64| {
            let of_user = |&user: &usize| {
                let list = self.full_list(user);
                figure(&list[..k.min(list.len())], &self.relevant(user))
            };
            users.iter().map(of_user).sum::<f64>() / users.len() as f64
        };
        let hits = |list: &[u32], relevant: &BTreeSet<u32>| {
            list.iter().filter(|item| relevant.contains(item)).count() as f64
        };
        let gain = |flags: &[bool]| -> f64 {
            let ranked = flags.iter().enumerate().filter(|(_, hit)| **hit);
            ranked.map(|(rank, _)| 2f64.ln() / (rank as f64 + 2.0).ln()).sum()
        };
        let recall = mean(&|list, relevant| hits(list, relevant) / k.min(relevant.len()) as f64);
        let hit_rate = mean(&|list, relevant| if hits(list, relevant) > 0.0 { 1.0 } else { 0.0 });
        let ndcg = mean(&|list, relevant| {
            let flags: Vec<bool> = list.iter().map(|item| relevant.contains(item)).collect();
            gain(&flags) / gain(&vec![true; k.min(relevant.len())])
        });
        let map = mean(&|list, relevant| {
            let precision = |length: usize| hits(&list[..length], relevant) / length as f64;
            let lengths = (1..=list.len()).filter(|&length| relevant.contains(&list[length - 1]));
            lengths.map(precision).sum::<f64>() / k.min(relevant.len()) as f64
        });

        let n_items = self.scores[0].len();
        let mut counts = vec![0.0; n_items];
        for user in 0..N_USERS {
            self.full_list(user).iter().take(k).for_each(|&item| counts[item as usize] += 1.0);
        }
        let total: f64 = counts.iter().sum();
        // The mean absolute difference of all pairs, over twice the mean.
        let differences: f64 =
            counts.iter().flat_map(|a: &f64| counts.iter().map(move |b| (a - b).abs())).sum();
        let gini = differences / (2.0 * n_items as f64 * total);
        let coverage = counts.iter().filter(|&&count| count > 0.0).count() as f64 / n_items as f64;
        let share = counts.iter().copied().fold(0.0, f64::max) / total; // fewer than 100 items: the top one
        let figures = [
            ("recall", recall),
            ("ndcg", ndcg),
            ("map", map),
            ("hit_rate", hit_rate),
            ("coverage", coverage),
            ("gini", gini),
            ("top_1_percent_share", share),
        ];
        let named = figures.into_iter().map(|(name, figure)| (format!("{name}@{k}"), figure)).collect();
        (!users.is_empty()).then_some(named)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn metrics_equal_their_definitions_over_full_lists(case in cases()) {
        let cutoffs = Cutoffs::new(&case.cutoffs).unwrap();
        let n_items = case.scores[0].len();
        let evaluator = RankingEvaluator::new(&case.part(true), n_items, Relevance::default(), &cutoffs);
        let expected: Option<Vec<_>> = cutoffs.iter().map(|k| case.by_definition(k)).collect();
        let (Ok(evaluator), Some(expected)) = (&evaluator, &expected) else {
            prop_assert!(evaluator.is_err() && expected.is_none());
            return Ok(());
        };
        let top = |user| case.full_list(user).into_iter().take(cutoffs.depth()).collect::<Vec<_>>();
        let metrics = evaluator.measure(|users| users.map(top).collect()).metrics;
        let expected: BTreeMap<_, _> = expected.iter().flatten().collect();
        prop_assert_eq!(metrics.keys().collect::<Vec<_>>(), expected.keys().copied().collect::<Vec<_>>());
        for (name, figure) in expected {
            prop_assert!(close(metrics[name], *figure), "{} is {}, not {}", name, metrics[name], figure);
        }
    }

    #[test]
    fn popular_lists_equal_a_full_sort_by_raters(case in cases()) {
        let (train, n_items) = (case.part(false), case.scores[0].len());
        let by_item = train.transpose(n_items);
        let order = popularity::by_raters(&by_item);
        let popular = Case {
            scores: vec![(0..n_items).map(|item| by_item.columns(item).len() as u8).collect(); N_USERS],
            ..case
        };
        for user in 0..N_USERS {
            let list = popularity::unseen(&order, train.columns(user), n_items);
            prop_assert_eq!(list, popular.full_list(user));
        }
    }
}
