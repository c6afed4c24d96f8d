//! Evaluations of small matrices.

use interactions::{Csr, Interactions};
use models::{RankingSettings, RatingSettings};
use store::UserId;
use store::manifest::MeasuredUsers;
use store::shards::shard_of;

use super::*;

/// Users 0 to 9 have training ratings of two in three of the items 0 to 7, and user 0 of item 8, which is held out for
/// users 1 to 9. User 10 has no training rating, and item 9 held out, which has no training rating either.
fn holdout() -> Holdout {
    let mut cells: Vec<_> = (0..10).flat_map(|user| (0..8).map(move |item| (user, item))).collect();
    cells.retain(|(user, item)| item % 3 != user % 3);
    cells.push((0, 8));
    cells.sort_unstable();
    let train = matrix(&cells, |user, item| if (user + item) % 2 == 0 { 5.0 } else { 2.0 });
    let held_out: Vec<_> = (1..10).map(|user| (user, 8)).chain([(10, 9)]).collect();
    let test = matrix(&held_out, |_, _| 5.0);
    Holdout { train: Interactions::from_users(train, 10), test }
}

fn matrix(cells: &[(u32, u32)], stars: impl Fn(u32, u32) -> f32) -> Csr {
    let columns = cells.iter().map(|cell| cell.1).collect();
    let values = cells.iter().map(|cell| stars(cell.0, cell.1)).collect();
    Csr::from_sorted(11, cells.iter().map(|cell| cell.0), columns, values)
}

fn training() -> TrainSettings {
    TrainSettings {
        ranking: RankingSettings { n_factors: Some(2), epochs: 3, ..RankingSettings::default() },
        rating: RatingSettings { n_factors: 2, sweeps: Some(3) },
        ..TrainSettings::default()
    }
}

fn measured(holdout: &Holdout, cutoffs: &[usize]) -> Measured {
    let measure = Measure {
        training: &training(),
        sample: None,
        relevance: Relevance::AtLeast(4.0),
        cutoffs: &Cutoffs::new(cutoffs).unwrap(),
        progress: Progress::hidden(),
    };
    measure.split(holdout).unwrap()
}

#[test]
fn model_and_popularity_have_the_same_metrics_except_rating_errors() {
    let Measured { figures, users, slices } = measured(&holdout(), &[1, 5]);
    assert_eq!(users, MeasuredUsers { evaluated: 9, without_relevant: 1, not_measurable: 1 });
    assert_eq!(
        slices.iter().map(|slice| (slice.min_ratings, slice.users)).collect::<Vec<_>>(),
        [(3, 6), (6, 3)]
    );
    for name in ["ndcg@1", "ndcg@5"] {
        let over_slices = |of: fn(&store::manifest::PairedMetric) -> f64| {
            slices.iter().map(|slice| slice.users as f64 * of(&slice.metrics[name])).sum::<f64>() / 9.0
        };
        assert!((over_slices(|metric| metric.model) - figures.model[name]).abs() < 1e-12);
        assert!((over_slices(|metric| metric.popularity) - figures.popularity[name]).abs() < 1e-12);
    }
    let mut of_model: Vec<_> = figures.model.keys().collect();
    of_model.retain(|name| name.contains('@') && !name.ends_with("_error"));
    assert_eq!(of_model, figures.popularity.keys().collect::<Vec<_>>());
    let errors = ["ndcg@1_error", "ndcg@1_lift_error", "ndcg@5_error", "ndcg@5_lift_error"];
    assert!(errors.iter().all(|&name| figures.model[name] >= 0.0), "{figures:?}");
    assert_eq!(figures.model.len(), figures.popularity.len() + errors.len() + 2);
    assert!(figures.model.values().chain(figures.popularity.values()).all(|figure| figure.is_finite()));
}

#[test]
fn a_movie_without_training_ratings_is_a_candidate_and_counts_as_missed() {
    // Movie 9 alone is held out, for user 0, who has three other candidates.
    let test = matrix(&[(0, 9)], |_, _| 5.0);
    let figures = measured(&Holdout { train: holdout().train, test }, &[3, 4]).figures;
    assert_eq!(figures.popularity["recall@3"], 0.0, "movie 9 is the last of the order");
    assert_eq!(figures.popularity["recall@4"], 1.0);
}

#[test]
fn a_user_without_training_ratings_is_counted_and_not_measured() {
    let Holdout { train, test } = holdout();
    let with = measured(&holdout(), &[3, 10]);
    let without = Holdout { train, test: test.filter(|position| position < 9) };
    let without = measured(&without, &[3, 10]);
    assert_eq!((with.users.evaluated, with.users.not_measurable), (9, 1));
    for name in ["recall@3", "ndcg@10", "map@10"] {
        assert_eq!(with.figures.model[name], without.figures.model[name], "{name}");
    }
}

#[test]
fn a_run_records_the_metrics_whose_cutoffs_fit() {
    let Holdout { train, .. } = holdout();
    let auto = RelevanceRule::Auto;
    let short =
        |depth| measure_run(&train, 0.3, auto, &training(), depth, Progress::hidden()).unwrap().metrics;
    let names = [
        "coverage@10",
        "mae",
        "ndcg@10",
        "ndcg@10_error",
        "ndcg@10_lift_error",
        "popularity_coverage@10",
        "popularity_ndcg@10",
        "rmse",
    ];
    assert_eq!(short(100).keys().collect::<Vec<_>>(), names, "there are ten movies");
    let names = ["mae", "ndcg@9", "ndcg@9_error", "ndcg@9_lift_error", "popularity_ndcg@9", "rmse"];
    assert_eq!(short(9).keys().collect::<Vec<_>>(), names, "lists of nine are judged whole");
}

#[test]
fn a_run_without_relevant_ratings_records_the_rating_errors() {
    let cells: Vec<_> = (0..11).flat_map(|user| (0..20).map(move |item| (user, item))).collect();
    let all_alike = Interactions::from_users(matrix(&cells, |_, _| 3.0), 20);
    let measured = |rule: &str| {
        measure_run(&all_alike, 0.3, rule.parse().unwrap(), &training(), 20, Progress::hidden()).unwrap()
    };
    let none = measured("4");
    assert_eq!(none.metrics.keys().collect::<Vec<_>>(), ["mae", "rmse"]);
    assert_eq!(none.measurement, None);
    // The median of ratings that are all alike is their value: all are relevant.
    let all = measured("auto");
    assert!(all.metrics.contains_key("ndcg@10"));
    let measurement = all.measurement.unwrap();
    assert_eq!((measurement.relevant_at, measurement.users.evaluated), (Some(3.0), 11));
}

#[test]
fn a_run_whose_users_have_one_rating_each_measures_nothing() {
    let cells: Vec<_> = (0..11).map(|user| (user, user % 4)).collect();
    let single = Interactions::from_users(matrix(&cells, |_, _| 5.0), 4);
    let quality =
        measure_run(&single, 0.2, RelevanceRule::Auto, &training(), 20, Progress::hidden()).unwrap();
    assert_eq!(quality, RunQuality::default());
}

#[test]
fn any_number_of_threads_gives_exactly_the_same_metrics() {
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = on(1).install(|| measured(&holdout(), &[2, 5]));
    assert_eq!(one, on(3).install(|| measured(&holdout(), &[2, 5])));
}

/// Ids whose order is not that of their hashes, and which are not row numbers.
fn ids() -> Vec<UserId> {
    (0..3000u32).map(|row| UserId::new(7 + row * 1_431_655)).collect()
}

#[test]
fn the_sample_of_users_is_that_of_a_run_on_a_share_of_the_shards() {
    let users = ids();
    for (n_trained, n_shards) in [(1, 32), (8, 32), (5, 16), (3, 10), (1, 7)] {
        let sample = UserSample::new(&users, f64::from(n_trained) / f64::from(n_shards));
        let trained: Vec<bool> = users.iter().map(|&user| shard_of(user, n_shards) < n_trained).collect();
        let sampled: Vec<bool> = (0..users.len()).map(|row| sample.contains(row)).collect();
        assert_eq!(sampled, trained, "{n_trained} of {n_shards} shards");
        assert!(sampled.contains(&true) && sampled.contains(&false));
    }
}

#[test]
fn the_ids_of_a_file_are_kept_in_the_order_of_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ratings.csv");
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for user in [900_000, 12, 77] {
        (1..9).for_each(|movie| text += &format!("{user},{movie},4,0\n"));
    }
    std::fs::write(&path, text).unwrap();
    let held_out = HeldOut::Share { ratings: path, by: SplitRule::Random, test_fraction: 0.2, n_splits: 1 };
    let data = Data::read(&held_out, interactions::Scale::default(), Progress::hidden()).unwrap();
    assert_eq!(data.vocabulary.users(), [UserId::new(12), UserId::new(77), UserId::new(900_000)]);
    assert_eq!(data.by_user.n_rows(), 3);
}
