//! The standardization of ratings to mean 0 and deviation 1.

use interactions::Csr;

/// The mean and the standard deviation of the training ratings, in stars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standardizer {
    pub(super) mean: f32,
    pub(super) deviation: f32,
}

impl Standardizer {
    /// The standardizer of all ratings of a matrix.
    pub(super) fn of(ratings: &Csr) -> Self {
        let n = ratings.n_cells().max(1) as f64;
        let mean = ratings.cells().map(|(_, _, stars)| f64::from(stars)).sum::<f64>() / n;
        let variance =
            ratings.cells().map(|(_, _, stars)| (f64::from(stars) - mean).powi(2)).sum::<f64>() / n;
        Self { mean: mean as f32, deviation: variance.sqrt() as f32 }
    }

    /// Converts stars to standard deviations above the mean.
    #[inline(always)]
    pub(super) fn standardize(self, stars: f32) -> f32 {
        (stars - self.mean) / self.deviation.max(f32::MIN_POSITIVE)
    }

    /// Converts standard deviations to stars.
    pub(super) fn to_stars(self, deviations: f64) -> f64 {
        deviations * f64::from(self.deviation)
    }
}
