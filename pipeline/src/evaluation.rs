//! How good the rating model is on ratings that it has not seen.
//!
//! Ratings are split by a seed, the model is trained on one part and its predictions are compared with the
//! other. Nothing here is published.

use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::ingest::Scale;
use crate::interactions::Interactions;
use crate::model::{Model, TrainSettings};

/// The error of predicted ratings, in stars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RatingError {
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
    /// The held-out ratings that it was measured on.
    pub n_test: u64,
}

/// The errors of several splits and their mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// By seed of the split.
    pub splits: Vec<Split>,
    /// The mean over the splits.
    pub mean: RatingError,
}

/// The error of one split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Split {
    /// The seed that drew the held-out ratings.
    pub seed: u64,
    /// The error on them.
    #[serde(flatten)]
    pub error: RatingError,
}

impl Evaluation {
    /// Measures once for each seed, at least one. Cost: a training each.
    ///
    /// # Errors
    /// Those of [`rating_error`].
    pub fn run(
        interactions: &Interactions,
        settings: &TrainSettings,
        scale: Scale,
        test_fraction: f64,
        seeds: impl IntoIterator<Item = u64>,
        bar: &ProgressBar,
    ) -> Result<Self> {
        let measure = |seed| {
            bar.reset();
            let error = rating_error(interactions, settings, scale, test_fraction, seed, bar)?;
            Ok(Split { seed, error })
        };
        let splits = seeds.into_iter().map(measure).collect::<Result<Vec<_>>>()?;
        if splits.is_empty() {
            return Err(Error::setting("--splits", 0, "at least one split is needed"));
        }
        let mean_of = |figure: fn(&RatingError) -> f64| {
            splits.iter().map(|split| figure(&split.error)).sum::<f64>() / splits.len() as f64
        };
        let mean = RatingError {
            rmse: mean_of(|error| error.rmse),
            mae: mean_of(|error| error.mae),
            n_test: splits.iter().map(|split| split.error.n_test).sum(),
        };
        Ok(Self { splits, mean })
    }
}

/// Trains on a random part of the ratings and measures on the rest, `test_fraction` of them. Predictions are
/// held to the scale; a user or movie that only the test part knows is predicted by what is left (the mean
/// and the other's bias). Cost: one training.
///
/// # Errors
/// [`Error::Setting`] where the fraction leaves nothing to train or to test; those of [`Model::train`].
pub fn rating_error(
    interactions: &Interactions,
    settings: &TrainSettings,
    scale: Scale,
    test_fraction: f64,
    seed: u64,
    bar: &ProgressBar,
) -> Result<RatingError> {
    let is_test = random_split(interactions.by_user.n_cells(), test_fraction, seed)?;
    let train = interactions.by_user.filter(|position| !is_test[position]);
    let train = Interactions::from_users(train, interactions.n_items());
    let model = Model::train(&train, settings, bar)?.rating;
    let held_out =
        interactions.by_user.cells().zip(&is_test).filter_map(|(cell, &test)| test.then_some(cell));
    Ok(error_of(
        held_out.map(|(user, item, stars)| (model.predict(user, item).clamp(scale.min, scale.max), stars)),
    ))
}

/// Which of `n` ratings are held out: a fraction of them, to the nearest whole number, drawn without
/// replacement.
fn random_split(n: usize, test_fraction: f64, seed: u64) -> Result<Vec<bool>> {
    let n_test = (n as f64 * test_fraction).round() as usize;
    if !(test_fraction > 0.0 && test_fraction < 1.0) || n_test == 0 || n_test >= n {
        let problem = format!(
            "of {n} ratings it would leave {n_test} to test; \
             it must be above 0 and below 1 and leave some to test and some to train"
        );
        return Err(Error::setting("--test-fraction", test_fraction, problem));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut is_test = vec![false; n];
    for position in rand::seq::index::sample(&mut rng, n, n_test) {
        is_test[position] = true;
    }
    Ok(is_test)
}

/// The error of (predicted, actual) pairs, summed in f64.
fn error_of(pairs: impl Iterator<Item = (f32, f32)>) -> RatingError {
    let (mut squares, mut distances, mut n_test) = (0.0, 0.0, 0u64);
    for (predicted, actual) in pairs {
        let error = f64::from(predicted) - f64::from(actual);
        squares += error * error;
        distances += error.abs();
        n_test += 1;
    }
    let n = n_test as f64;
    RatingError { rmse: (squares / n).sqrt(), mae: distances / n, n_test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_computed_by_hand() {
        let error = error_of([(3.0, 4.0), (5.0, 5.0), (2.0, 4.5)].into_iter());
        assert!((error.rmse - (7.25f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((error.mae - 3.5 / 3.0).abs() < 1e-12);
        assert_eq!(error.n_test, 3);
    }

    #[test]
    fn a_split_holds_out_the_fraction_and_depends_on_the_seed_alone() {
        let split = random_split(1000, 0.2, 7).unwrap();
        assert_eq!(split.iter().filter(|&&test| test).count(), 200);
        assert_eq!(split, random_split(1000, 0.2, 7).unwrap());
        assert_ne!(split, random_split(1000, 0.2, 8).unwrap());
    }

    #[test]
    fn a_split_that_leaves_nothing_on_one_side_is_refused() {
        for fraction in [0.0, 1.0, -0.5, f64::NAN, 0.01, 0.99] {
            let error = random_split(10, fraction, 1).unwrap_err().to_string();
            assert!(error.contains("--test-fraction"), "{error}");
        }
    }
}
