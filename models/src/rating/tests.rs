//! Tests of the sampler against planted structure, against closed forms, and at edge cases.

use indicatif::ProgressBar;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::item_contributions::MeanEquations;
use super::prior::Prior;
use super::random::{Draw, normal};
use super::*;
use crate::{ItemModel, TrainingCurve};

/// The matrix of cells (user, item, stars), sorted.
fn interactions(n_users: usize, n_items: usize, cells: &[(u32, u32, f32)]) -> Interactions {
    let items = cells.iter().map(|cell| cell.1).collect();
    let stars = cells.iter().map(|cell| cell.2).collect();
    Interactions::from_users(
        Csr::from_sorted(n_users, cells.iter().map(|cell| cell.0), items, stars),
        n_items,
    )
}

fn model(interactions: &Interactions, n_sweeps: usize) -> Result<RatingModel> {
    let settings = RatingSettings { n_factors: 3, sweeps: Some(n_sweeps) };
    let rating = fit(interactions, &settings, 1, &ProgressBar::hidden(), &mut Vec::new())?;
    let items = ItemModel::by_predicted_stars(rating);
    Ok(items.with_users(&interactions.by_user, |_| true, TrainingCurve::default())?.rating)
}

/// Ratings of two planted factors with biases and an error of 0.2, in 60 x 40 cells: six in ten for training,
/// the others for testing.
fn planted() -> (Interactions, Vec<(u32, u32, f32)>) {
    let mut stream = ChaCha8Rng::seed_from_u64(7);
    let mut draw =
        |n| (0..n).map(|_| std::array::from_fn(|_| normal(&mut stream))).collect::<Vec<[f32; 3]>>();
    let (users, items) = (draw(60), draw(40));
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (user, u) in (0..).zip(&users) {
        for (item, i) in (0..).zip(&items) {
            let stars =
                3.0 + 0.4 * (u[0] + i[0]) + 0.5 * (u[1] * i[1] + u[2] * i[2]) + 0.2 * normal(&mut stream);
            let part = if stream.random_bool(0.6) { &mut train } else { &mut test };
            part.push((user, item, stars));
        }
    }
    (interactions(60, 40, &train), test)
}

#[test]
fn predictions_of_planted_ratings_have_nearly_the_planted_error() {
    let (train, test) = planted();
    let model = model(&train, 60).unwrap();
    let square = |&(user, item, stars): &(u32, u32, f32)| {
        (model.predict(user as usize, item as usize) - stars).powi(2)
    };
    let rmse = (test.iter().map(square).sum::<f32>() / test.len() as f32).sqrt();
    assert!(rmse < 0.25, "RMSE {rmse}");
}

#[test]
fn any_number_of_threads_gives_the_same_model() {
    let (train, _) = planted();
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| model(&train, 5)).unwrap()
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn a_user_and_an_item_without_ratings_have_a_bias_and_factors_of_zero() {
    let cells = [(0, 0, 4.0), (0, 1, 3.0), (1, 0, 5.0), (1, 2, 2.0), (2, 1, 1.0), (2, 2, 4.0)];
    let model = model(&interactions(4, 4, &cells), 10).unwrap();
    let k = model.n_factors;
    for (bias, factors) in
        [(model.user_bias[3], &model.user_factors), (model.item_bias[3], &model.item_factors)]
    {
        assert_eq!(bias, 0.0);
        assert!(factors[3 * k..].iter().all(|&factor| factor == 0.0), "{factors:?}");
    }
    assert_eq!(model.predict(3, 3), model.global_mean);
    assert_eq!(model.predict(3, 0), model.predict_for_unknown_user(0));
    assert!((1.0..5.0).contains(&model.global_mean), "{}", model.global_mean);
}

#[test]
fn ratings_that_are_all_equal_are_predicted() {
    for (n_users, n_items, n_sweeps) in [(200, 50, 10), (20, 2000, 30)] {
        let cells: Vec<_> =
            (0..n_users).flat_map(|user| (0..n_items).map(move |item| (user, item, 4.0))).collect();
        let model = model(&interactions(n_users as usize, n_items as usize, &cells), n_sweeps).unwrap();
        assert!((model.predict(3, 7) - 4.0).abs() < 1e-6, "{}", model.predict(3, 7));
    }
}

#[test]
fn ratings_that_biases_explain_exactly_are_predicted() {
    let stars_of: [fn(u32, u32) -> u32; 3] =
        [|user, _| user % 5, |_, item| item % 5, |user, item| user % 3 + item % 3];
    for stars in stars_of {
        let cells: Vec<_> = (0..100)
            .flat_map(|user| (0..300).map(move |item| (user, item, 1.0 + stars(user, item) as f32)))
            .collect();
        let model = model(&interactions(100, 300, &cells), 30).unwrap();
        for (user, item, stars) in cells {
            let predicted = model.predict(user as usize, item as usize);
            assert!((predicted - stars).abs() < 0.1, "{predicted} is not {stars}");
        }
    }
}

#[test]
fn one_user_one_item_or_no_rating_can_be_trained_on() {
    let many = |cell: fn(u32) -> (u32, u32)| {
        (0..10_000).map(|x| (cell(x).0, cell(x).1, (1 + x % 5) as f32)).collect::<Vec<_>>()
    };
    for (n_users, n_items, cells) in [
        (0, 0, vec![]),
        (2, 2, vec![]),
        (1, 1, vec![(0, 0, 3.5)]),
        (1, 10_000, many(|x| (0, x))),
        (10_000, 1, many(|x| (x, 0))),
    ] {
        let model = model(&interactions(n_users, n_items, &cells), 20).unwrap();
        for (user, item, _) in cells {
            assert!((1.0..=5.0).contains(&model.predict(user as usize, item as usize)));
        }
    }
}

#[test]
fn a_rating_that_is_not_a_number_is_an_error() {
    let cells = [(0, 0, f32::NAN), (0, 1, 3.0), (1, 0, 5.0)];
    let error = model(&interactions(2, 2, &cells), 3).unwrap_err();
    assert!(matches!(error, Error::SamplingDiverged { sweep: 1, .. }), "{error}");
}

/// Three users and two items with biases only, whose posterior has a closed form.
#[test]
fn draws_have_the_mean_and_covariance_of_the_posterior_and_contributions_sum_to_its_mean() {
    const N_DRAWS: usize = 20_000;
    let cells = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, -1.0), (2, 1, 0.5)];
    let Interactions { by_user, by_item } = interactions(3, 2, &cells);
    let other = [[0.0; 16]; 2];
    let start = Side::<16>::start(&by_user, &by_item, 1, &Streams::new(1, 0, SideName::Users));
    let (own, implicit) = (start.prior.precision[0], start.implicit_prior.precision[0]);
    let precision = |user: usize| 1.0 + user as f32;

    // Unknowns are the users' own biases and the items' implicit ones.
    let mut system = [[0.0f32; 16]; 16];
    let mut right = [0.0f32; 16];
    for (place, line) in system.iter_mut().enumerate() {
        line[place] = if place < 3 { own } else { implicit };
    }
    let parts = |user: usize| {
        let weight = start.weight[user];
        let mut parts = [0.0; 16];
        parts[user] = 1.0;
        by_user.columns(user).iter().for_each(|&item| parts[3 + item as usize] = weight);
        parts
    };
    for &(user, _, level) in &cells {
        let (parts, precision) = (parts(user as usize), precision(user as usize));
        for (line, part) in system.iter_mut().zip(parts) {
            line.iter_mut().zip(parts).for_each(|(cell, other)| *cell += precision * part * other);
        }
        right.iter_mut().zip(parts).for_each(|(value, part)| *value += precision * level * part);
    }
    assert!(rows::invert(pulp::Scalar::new(), &mut system));
    let posterior = rows::multiply(pulp::Scalar::new(), &system, &right);

    let mut drawn = Vec::new();
    let mut contributions = Vec::new();
    for seed in 0..N_DRAWS {
        let (mut side, streams) = (start.clone(), Streams::new(seed as u64, 1, SideName::Users));
        let step = GibbsStep {
            other: &other,
            standardize: |stars| stars,
            precision: |user, _| precision(user),
            streams: &streams,
        };
        let mut posteriors = vec![RowPosterior::ZERO; 3];
        step.draw(&mut side, &mut posteriors).unwrap();
        if seed == 0 {
            side.implicit_prior = start.implicit_prior.clone();
            let mut equations = MeanEquations::new(3);
            equations.add_sweep(&side, &posteriors);
            contributions = equations.item_contributions(&side).unwrap();
        }
        let [a, b, c] = [0, 1, 2].map(|user: usize| side.rows[user][0] - side.implicit_part[user][0]);
        drawn.push([a, b, c, side.implicit_factors[0][0], side.implicit_factors[1][0]]);
    }
    for item in 0..2 {
        let sum: f32 = by_item.columns(item).iter().map(|&user| contributions[user as usize][0]).sum();
        let mean = posterior[3 + item];
        assert!((sum - mean).abs() < 1e-4, "contributions to item {item} sum to {sum}, not {mean}");
    }
    for i in 0..5 {
        let mean = drawn.iter().map(|draw| draw[i]).sum::<f32>() / N_DRAWS as f32;
        assert!((mean - posterior[i]).abs() < 0.01, "unknown {i} is {mean}, not {}", posterior[i]);
        for j in 0..5 {
            let product = |draw: &[f32; 5]| (draw[i] - posterior[i]) * (draw[j] - posterior[j]);
            let covariance = drawn.iter().map(product).sum::<f32>() / N_DRAWS as f32;
            assert!(
                (covariance - system[i][j]).abs() < 0.003,
                "({i}, {j}) is {covariance}, not {}",
                system[i][j]
            );
        }
    }
}

#[test]
fn a_drawn_prior_has_the_mean_and_precision_of_the_rows() {
    let mut stream = Streams::new(3, 0, SideName::Items).of(Draw::Start, 0);
    let rows: Vec<_> = (0..20_000).map(|_| [2.0 + 0.5 * normal(&mut stream); 16]).collect();
    let mut prior = Prior::start(2, 1.0);
    prior.draw(rows.len(), |row| (row % 2 == 0).then_some(rows[row]), &mut stream).unwrap();
    assert!((prior.mean[1] - 2.0).abs() < 0.03 && (prior.precision[1] - 4.0).abs() < 0.2, "{prior:?}");
    assert_eq!((prior.mean[2], prior.precision[2]), (0.0, 1.0), "padding");
    prior.draw_precision(rows.len(), |row| Some(rows[row]), &mut stream).unwrap();
    assert!((prior.precision[0] - 1.0 / 4.25).abs() < 0.01, "{prior:?}");
}

#[test]
fn users_with_larger_errors_have_a_lower_precision() {
    let cells: Vec<_> = (0..10)
        .flat_map(|user| {
            (0..200).map(move |item| (user, item, [0.1, -0.1, 1.0, -1.0][(user / 5 * 2 + item % 2) as usize]))
        })
        .collect();
    let Interactions { by_user, .. } = interactions(10, 200, &cells);
    let mut noise = Noise::start(10);
    let streams = Streams::new(1, 1, SideName::Items);
    noise.draw(&by_user, |stars| stars, &[[0.0; 16]; 10], &[[0.0; 16]; 200], &streams).unwrap();
    let (steady, wild) = noise.precision.split_at(5);
    assert!(steady.iter().all(|&precision| precision > 4.0), "{steady:?}");
    assert!(wild.iter().all(|&precision| precision < 2.0), "{wild:?}");
}
