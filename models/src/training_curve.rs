//! The training error, step by step, for reports. No result depends on it.

use serde::{Deserialize, Serialize};

/// Most ratings on which the error of a step is measured: enough for three digits, and cheap.
const SAMPLE_SIZE: usize = 16_384;

/// The error on a sample of the training ratings, after each step of training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingCurve {
    /// Error of each epoch of the ranking model: the root mean square of a rating's preference (0 to 1) less
    /// its score. The objective has more terms than this: unrated movies, which should score 0, and the
    /// regularization.
    pub ranking: Vec<f64>,
    /// Error of each sweep of the rating model: the root mean square error of the draw, in stars. The model
    /// is the mean of the sweeps, which has a lower error.
    pub rating: Vec<f64>,
}

/// The distance between sampled ratings, at least 1. Every step samples the same ratings.
pub(super) fn stride(n_ratings: usize) -> usize {
    n_ratings.div_ceil(SAMPLE_SIZE).max(1)
}

/// The root mean square of errors; 0 without errors.
pub(super) fn rms(errors: impl Iterator<Item = f32>) -> f64 {
    let (n, sum) = errors.fold((0u32, 0.0), |(n, sum), error| (n + 1, sum + f64::from(error).powi(2)));
    (sum / f64::from(n.max(1))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_root_mean_square_over_a_bounded_number_of_ratings() {
        assert_eq!(rms([3.0, -4.0, 0.0, 0.0].into_iter()), 2.5);
        assert_eq!(rms(std::iter::empty()), 0.0);
        assert_eq!((stride(0), stride(SAMPLE_SIZE), stride(SAMPLE_SIZE + 1)), (1, 1, 2));
        assert!(25_000_000 / stride(25_000_000) <= SAMPLE_SIZE);
    }
}
