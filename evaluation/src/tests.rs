//! A measurement as a whole, on a matrix small enough to see through.

use interactions::Csr;
use models::{RankingSettings, RatingSettings};

use super::*;

/// Of items 0 to 7, users 0 to 9 have rated two in three, and user 0 item 8; of users 1 to 9 item 8 is held
/// out. User 10 has nothing in train and item 9 held out, which nobody has in train.
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

fn measured(holdout: &Holdout, cutoffs: &[usize]) -> (Compared, Users) {
    let measure = Measure {
        training: &training(),
        train_users: 1.0,
        relevance: Relevance::default(),
        cutoffs: &Cutoffs::new(cutoffs).unwrap(),
        progress: Progress::hidden(),
    };
    measure.split(holdout).unwrap()
}

#[test]
fn model_and_popularity_have_the_same_figures_but_for_those_of_stars() {
    let (figures, users) = measured(&holdout(), &[1, 5]);
    assert_eq!(users, Users { evaluated: 10, without_relevant: 1 });
    let mut of_model: Vec<_> = figures.model.keys().collect();
    of_model.retain(|name| name.contains('@'));
    assert_eq!(of_model, figures.popularity.keys().collect::<Vec<_>>());
    assert_eq!(figures.model.len(), figures.popularity.len() + 2);
    assert!(figures.model.values().chain(figures.popularity.values()).all(|figure| figure.is_finite()));
}

#[test]
fn a_movie_that_nobody_rated_in_train_is_a_candidate_and_counts_as_missed() {
    let (figures, _) = measured(&holdout(), &[9, 10]);
    assert_eq!(figures.popularity["recall@9"], 0.9, "user 10 waits for movie 9, the last of the order");
    assert_eq!(figures.popularity["recall@10"], 1.0);
}

#[test]
fn a_user_without_training_ratings_gets_the_popular_list() {
    let Holdout { train, test } = holdout();
    let of_user_10 = Holdout { train, test: test.filter(|position| position == 9) };
    let (figures, users) = measured(&of_user_10, &[3, 10]);
    assert_eq!(users, Users { evaluated: 1, without_relevant: 10 });
    for name in ["recall@3", "ndcg@10", "map@10"] {
        assert_eq!(figures.model[name], figures.popularity[name], "{name}");
    }
}

#[test]
fn what_a_run_keeps_are_the_figures_whose_lists_fit() {
    let Holdout { train, .. } = holdout();
    let short = |depth| in_short(&train, 0.3, &training(), depth, Progress::hidden()).unwrap();
    let names = ["coverage@10", "mae", "ndcg@10", "popularity_coverage@10", "popularity_ndcg@10", "rmse"];
    assert_eq!(short(100).keys().collect::<Vec<_>>(), names, "there are ten movies");
    let names = ["mae", "ndcg@9", "popularity_ndcg@9", "rmse"];
    assert_eq!(short(9).keys().collect::<Vec<_>>(), names, "lists of nine are judged whole");
}

#[test]
fn a_run_on_ratings_none_of_which_is_relevant_keeps_the_errors_of_stars() {
    let cells: Vec<_> = (0..11).flat_map(|user| (0..20).map(move |item| (user, item))).collect();
    let all_alike = Interactions::from_users(matrix(&cells, |_, _| 3.0), 20);
    let short = in_short(&all_alike, 0.3, &training(), 20, Progress::hidden()).unwrap();
    assert_eq!(short.keys().collect::<Vec<_>>(), ["mae", "rmse"]);
}

#[test]
fn any_number_of_threads_gives_the_same_figures_to_the_bit() {
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = on(1).install(|| measured(&holdout(), &[2, 5]));
    assert_eq!(one, on(3).install(|| measured(&holdout(), &[2, 5])));
}
