//! How far predicted stars are from the stars that were given.

use interactions::Csr;
use interactions::Scale;
use rayon::prelude::*;

use super::report::Metrics;

/// `rmse` and `mae` over all held-out ratings, in stars:
///
/// ```text
/// rmse = sqrt(mean of (predicted - given)^2)      mae = mean of |predicted - given|
/// ```
///
/// A prediction is held to the scale before it is compared. Users and movies without training ratings count
/// like any other: they are predicted by what is left (the mean, and the other's bias). `test` must not be
/// empty. Cost: a prediction a rating, on all threads; users are summed up in their order.
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
    Metrics::from([("rmse".to_owned(), f64::sqrt(squares / n)), ("mae".to_owned(), distances / n)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_computed_by_hand_and_predictions_are_held_to_the_scale() {
        let test = Csr::from_sorted(3, [0, 0, 2], vec![0, 1, 1], vec![4.0, 5.0, 4.5]);
        let predicted = |user, item| match (user, item) {
            (0, 0) => 3.0,
            (0, 1) => 7.5, // which is 5
            _ => 2.0,
        };
        let metrics = of_predictions(&test, Scale::default(), predicted);
        assert!((metrics["rmse"] - (7.25f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((metrics["mae"] - 3.5 / 3.0).abs() < 1e-12);
    }
}
