//! Tests of the kernel against a slow one in f64, and on other vectors.

use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use pulp::{Arch, Scalar};

use super::*;

/// Two segments of two draws, of a bias and three factors.
fn items(numbers: &[f32]) -> RatingItems {
    let width = 16;
    let filled = |at: usize, least: f32| -> Vec<f32> {
        (0..width)
            .map(|x| if x < 4 { least + numbers[(at + x) % numbers.len()].abs() } else { 0.0 })
            .collect()
    };
    let segment = |at, share| {
        let mut prior_precision = filled(at, 2.0);
        prior_precision[4..].fill(1.0);
        SegmentTerms { share, prior_mean: filled(at + 7, 0.0), prior_precision }
    };
    let item_payload = numbers.chunks_exact(4).flat_map(|row| row.iter().copied().chain([0.0; 12])).collect();
    RatingItems {
        terms: StarTerms {
            global_mean: 3.0,
            mean: 3.1,
            deviation: 1.2,
            noise_rate: 12.0,
            rank: 4,
            n_draws: 2,
            width,
            segments: vec![segment(0, 0.4), segment(11, 0.6)],
            unknown_user: vec![0.0; 9],
            unknown_item: vec![0.0; 9],
        },
        item_bias: Vec::new(),
        item_factors: Vec::new(),
        item_payload,
    }
}

/// The user's row in f64, with a general solver.
fn reference(model: &RatingItems, rated: &[u32], stars: &[f32]) -> Vec<f64> {
    let StarTerms { mean, deviation, noise_rate, segments, .. } = &model.terms;
    let number = |item: u32, row: usize| {
        DVector::from_fn(4, |x, _| f64::from(model.item_payload[item as usize * 128 + row * 16 + x]))
    };
    let n = rated.len() as f64;
    let sum = |row| rated.iter().fold(DVector::zeros(4), |sum, &item| sum + number(item, row));
    let (mut user, mut implicit_term) = (vec![0.0], 0.0);
    for (s, segment) in segments.iter().enumerate() {
        let own = |values: &[f32]| DVector::from_fn(4, |x, _| f64::from(values[x]));
        let (prior, start) = (own(&segment.prior_precision), own(&segment.prior_mean));
        let implicit_part = sum(4 * s) / n.sqrt();
        let mut row = DVector::zeros(4);
        for draw in 0..2 {
            let mut precision = SHAPE / f64::from(*noise_rate);
            let mut found = DVector::zeros(4);
            for _ in 0..ITERATIONS {
                let mut system = DMatrix::from_diagonal(&prior);
                let mut right = prior.component_mul(&(&start + &implicit_part));
                let observed: Vec<_> = rated
                    .iter()
                    .zip(stars)
                    .map(|(&item, &stars)| {
                        let mut x = number(item, 4 * s + 2 + draw);
                        let rest = f64::from(stars - mean) / f64::from(*deviation) - x[0];
                        x[0] = 1.0;
                        (x, rest)
                    })
                    .collect();
                for (x, rest) in &observed {
                    system += precision * x * x.transpose();
                    right += precision * *rest * x;
                }
                let covariance = system.try_inverse().unwrap();
                found = &covariance * right;
                let errors = observed
                    .iter()
                    .map(|(x, rest)| (rest - x.dot(&found)).powi(2) + (x.transpose() * &covariance * x)[0]);
                precision = (SHAPE + n / 2.0) / (f64::from(*noise_rate) + errors.sum::<f64>() / 2.0);
            }
            row += found / 2.0;
        }
        row += implicit_part * ((n / (n + 1.0)).sqrt() - 1.0);
        let share = f64::from(segment.share);
        user[0] += share * row[0];
        user.extend(row.iter().skip(1).map(|factor| share.sqrt() * factor));
        row[0] = 1.0;
        implicit_term += share * sum(4 * s + 1).dot(&row);
    }
    user.extend([(n + 1.0).sqrt().recip(), implicit_term]);
    user
}

proptest! {
    #[test]
    fn a_user_is_folded_in_as_in_f64_and_with_the_same_bits_on_any_vectors(
        numbers in prop::collection::vec(-1.0f32..1.0, 20 * 32),
        stars in prop::collection::vec(0.5f32..5.0, 1..20),
    ) {
        let model = items(&numbers);
        let rated: Vec<u32> = (0..stars.len() as u32).collect();
        let fold_in = || FoldIn::<16> { items: &model, rated: &rated, stars: &stars, is_trained: true };
        let user = Arch::new().dispatch(fold_in()).unwrap();
        prop_assert_eq!(&user, &fold_in().with_simd(Scalar::new()).unwrap());
        let expected = reference(&model, &rated, &stars);
        prop_assert_eq!(user.len(), expected.len());
        for (found, expected) in user.iter().zip(&expected) {
            let close = (f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs());
            prop_assert!(close, "{found} is not {expected}");
        }
    }
}
