//! How training went, step by step: for people to look at. Nothing that is learnt depends on it.

use serde::{Deserialize, Serialize};

/// Ratings on which a step is looked at: enough for three digits, and too few to cost time.
const LOOKED_AT: usize = 16_384;

/// The error on some of the ratings that are learnt from, after each step of training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingCurve {
    /// By epoch of the ranking model: the root mean square of what a rating says (0 to 1) less the score. The model
    /// minimises more than this: that unrated movies score 0 weighs as well.
    pub ranking: Vec<f64>,
    /// By sweep of the rating model: the root mean square error in stars of what was drawn. The model is the mean of
    /// the sweeps, and better than any of them.
    pub rating: Vec<f64>,
}

/// Every how many ratings one is looked at, so that the same ones are in every step.
pub(super) fn stride(n_ratings: usize) -> usize {
    n_ratings.div_ceil(LOOKED_AT).max(1)
}

/// The root of the mean square of some errors; of none, 0.
pub(super) fn rms(errors: impl Iterator<Item = f32>) -> f64 {
    let (n, sum) = errors.fold((0u32, 0.0), |(n, sum), error| (n + 1, sum + f64::from(error).powi(2)));
    (sum / f64::from(n.max(1))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_root_of_a_mean_square_over_a_bounded_number_of_ratings() {
        assert_eq!(rms([3.0, -4.0, 0.0, 0.0].into_iter()), 2.5);
        assert_eq!(rms(std::iter::empty()), 0.0);
        assert_eq!((stride(0), stride(LOOKED_AT), stride(LOOKED_AT + 1)), (1, 1, 2));
        assert!(25_000_000 / stride(25_000_000) <= LOOKED_AT);
    }
}
