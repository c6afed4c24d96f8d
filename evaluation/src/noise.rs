//! The noise of a mean over users: how far it would move with other users of the same kind.

/// The standard error of a mean: `sqrt(sum of (x - mean)^2 / (n (n - 1)))`. The standard deviation of the means of samples
/// with replacement approaches it, but for a factor of `sqrt((n - 1) / n)`, as the number of samples grows (Efron and
/// Tibshirani, "An Introduction to the Bootstrap", 1993, section 5.3), so nothing is drawn. `None` for fewer than two
/// values, of which nothing is known.
pub(super) fn standard_error(values: impl ExactSizeIterator<Item = f64> + Clone) -> Option<f64> {
    let n = values.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    Some((squares / (n * (n - 1.0))).sqrt())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_error_of_a_mean_is_the_spread_of_the_means_of_samples_with_replacement() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let values: Vec<f64> = (0..60).map(|_| random.random_range(-0.5..1.5)).collect();
        let mut mean = || (0..60).map(|_| values[random.random_range(0..60)]).sum::<f64>() / 60.0;
        let means: Vec<f64> = (0..20_000).map(|_| mean()).collect();
        let center = means.iter().sum::<f64>() / 20_000.0;
        let spread = (means.iter().map(|mean| (mean - center).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        let error = standard_error(values.iter().copied()).unwrap();
        assert!((error / spread - 1.0).abs() < 0.02, "{error} {spread}");
    }

    #[test]
    fn equal_values_have_no_error_and_one_value_has_an_unknown_one() {
        assert_eq!(standard_error([0.25; 4].into_iter()), Some(0.0));
        assert_eq!(standard_error([0.25].into_iter()), None);
    }
}
