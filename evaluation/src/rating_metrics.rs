//! The error of predicted ratings.

use interactions::Csr;
use interactions::Scale;
use rayon::prelude::*;

use super::metric::{Metric, Metrics};

/// RMSE and MAE over all held-out ratings, in stars:
///
/// ```text
/// rmse = sqrt(mean of (predicted - given)^2)      mae = mean of |predicted - given|
/// ```
///
/// Predictions are clamped to the scale. Users and movies without training ratings count as well: they are predicted by
/// the mean and the bias of the other side. `test` must not be empty. Cost: one prediction for each rating, on all
/// threads; the sums are taken in the order of the users.
pub(super) fn of_predictions(
    test: &Csr,
    scale: Scale,
    predict: impl Fn(usize, usize) -> f32 + Sync,
) -> Metrics {
    let of_user = |user: usize| {
        let (items, stars) = test.row(user);
        items.iter().zip(stars).fold((0.0, 0.0), |(squares, distances), (&item, &given)| {
            let predicted = predict(user, item as usize).clamp(scale.min, scale.max);
            let error = f64::from(predicted) - f64::from(given);
            (squares + error * error, distances + error.abs())
        })
    };
    let by_user: Vec<(f64, f64)> = (0..test.n_rows()).into_par_iter().map(of_user).collect();
    let n = test.n_cells() as f64;
    let (squares, distances) = by_user.iter().fold((0.0, 0.0), |sum, user| (sum.0 + user.0, sum.1 + user.1));
    Metrics::from([(Metric::Rmse.key(), f64::sqrt(squares / n)), (Metric::Mae.key(), distances / n)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_equal_values_computed_by_hand_and_predictions_are_clamped_to_the_scale() {
        let test = Csr::from_sorted(3, [0, 0, 2], vec![0, 1, 1], vec![4.0, 5.0, 4.5]);
        let predicted = |user, item| match (user, item) {
            (0, 0) => 3.0,
            (0, 1) => 7.5, // clamped to 5
            _ => 2.0,
        };
        let metrics = of_predictions(&test, Scale::default(), predicted);
        assert!((metrics["rmse"] - (7.25f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((metrics["mae"] - 3.5 / 3.0).abs() < 1e-12);
    }
}
