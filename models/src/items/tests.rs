//! Tests of users folded in alone and among all, and of edge cases.

use super::*;

/// 50 users with some of 30 movies each; the last user has none.
fn interactions() -> Interactions {
    let cells: Vec<(u32, u32)> = (0..49)
        .flat_map(|user| (0..30).map(move |item| (user, item)))
        .filter(|(user, item)| (user * 7 + item * 11) % 13 < 3 + user % 5)
        .collect();
    let stars = cells.iter().map(|(user, item)| 1.0 + ((user * item + user) % 9) as f32 / 2.0).collect();
    let items = cells.iter().map(|cell| cell.1).collect();
    Interactions::from_users(Csr::from_sorted(50, cells.iter().map(|cell| cell.0), items, stars), 30)
}

fn settings(objective: Objective) -> TrainSettings {
    let mut settings = TrainSettings { objective, ..TrainSettings::default() };
    settings.ranking.n_factors = Some(8);
    settings.rating.sweeps = Some(12);
    settings
}

#[test]
fn a_user_has_the_same_factors_alone_and_among_all_with_any_number_of_threads() {
    let interactions = interactions();
    for objective in [Objective::Ranking, Objective::Rating] {
        let with = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let train = || Model::train(&interactions, &settings(objective), &ProgressBar::hidden());
            pool.install(train).unwrap()
        };
        let model = with(1);
        assert_eq!(model, with(3));
        let (items, _) =
            ItemModel::train(&interactions, &settings(objective), &ProgressBar::hidden()).unwrap();
        let d = model.rating.n_factors;
        for user in 0..50 {
            let (rated, stars) = interactions.by_user.row(user);
            let UserFactors { ranking, bias, rating } = items.fold_in(rated, stars, true).unwrap();
            assert_eq!(ranking, model.ranking.user(user));
            assert_eq!(rating, model.rating.user_factors[user * d..][..d]);
            assert_eq!(bias, model.rating.user_bias[user]);
            // Another user with these ratings differs only in the term that the user has added to the movies
            // in training.
            let other = items.fold_in(rated, stars, false).unwrap();
            assert_eq!((&other.rating[..d - 1], other.rating[d - 1]), (&rating[..d - 1], 0.0));
        }
    }
}

#[test]
fn a_user_without_ratings_gets_the_most_rated_items_and_zero_rating_factors() {
    let interactions = interactions();
    for objective in [Objective::Ranking, Objective::Rating] {
        let (items, _) =
            ItemModel::train(&interactions, &settings(objective), &ProgressBar::hidden()).unwrap();
        let UserFactors { ranking, bias, rating } = items.fold_in(&[], &[], true).unwrap();
        assert!(bias == 0.0 && rating.iter().all(|&factor| factor == 0.0));
        if objective == Objective::Rating {
            assert_eq!(ranking, [rating, vec![1.0]].concat(), "items' biases alone");
            continue;
        }
        let score = |item| -> f32 { ranking.iter().zip(items.item(item)).map(|(p, q)| p * q).sum() };
        let most_rated = interactions::popularity::by_raters(&interactions.by_item);
        let scores: Vec<f32> = most_rated.iter().map(|&item| score(item)).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    }
}

#[test]
fn with_the_rating_objective_a_score_differs_from_the_prediction_by_a_constant_of_the_user() {
    let model = Model::train(&interactions(), &settings(Objective::Rating), &ProgressBar::hidden()).unwrap();
    for user in 0..50 {
        let differences: Vec<f32> = (0..30)
            .map(|item| {
                let factors = model.ranking.user(user).iter().zip(model.ranking.item(item));
                model.rating.predict(user, item) - factors.map(|(p, q)| p * q).sum::<f32>()
            })
            .collect();
        assert!(differences.iter().all(|d| (d - differences[0]).abs() < 1e-4), "{differences:?}");
    }
}

#[test]
fn stars_that_are_not_finite_are_an_error() {
    let (items, _) =
        ItemModel::train(&interactions(), &settings(Objective::Ranking), &ProgressBar::hidden()).unwrap();
    let error = items.fold_in(&[0, 1], &[f32::NAN, 3.0], true).unwrap_err();
    assert!(matches!(error, Error::UserDiverged { what: "rating factors", .. }), "{error}");
}
