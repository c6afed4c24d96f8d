//! The popularity of movies by rank.
//!
//! A Zipf-Mandelbrot law with an exponential cutoff: `weight(rank) = (rank + q)^-S * exp(-D * rank / movies)`. With the
//! plain law of Zipf every user would rate the first movie, and the tail would be much heavier than in MovieLens.

/// The exponent S of the power law.
const STEEPNESS: f64 = 1.1;

/// The rate D of the exponential cutoff.
const DECLINE: f64 = 6.0;

/// The probability of the first movie, times the mean number of ratings of a user. It is above 0.5, since users with
/// many ratings, who have rated the first movie anyway, have most of the ratings.
const REACH: f64 = 0.8;

/// The weights by rank, the most popular first; the sum is 1.
///
/// `q` is chosen so that the first movie has [`REACH`]. Small catalogues thus have a flatter head, as ml-latest-small
/// has in comparison with ML-25M.
pub(super) fn weights(n_movies: u32, ratings_per_user: f64) -> Vec<f64> {
    let target = (REACH / ratings_per_user).max(1.5 / f64::from(n_movies));
    let (mut low, mut high) = (1.0, f64::from(n_movies));
    for _ in 0..30 {
        let middle = (low * high).sqrt();
        if first_share(&law(n_movies, middle)) > target { low = middle } else { high = middle }
    }
    let mut weights = law(n_movies, high);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

fn first_share(weights: &[f64]) -> f64 {
    weights.first().map_or(0.0, |first| first / weights.iter().sum::<f64>())
}

fn law(n_movies: u32, offset: f64) -> Vec<f64> {
    (0..n_movies)
        .map(|rank| {
            let rank = f64::from(rank);
            (rank + offset).powf(-STEEPNESS) * (-DECLINE * rank / f64::from(n_movies)).exp()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_and_sum_to_one() {
        for (n_movies, mean) in [(40, 20.0), (2_000, 66.0), (59_047, 153.8)] {
            let weights = weights(n_movies, mean);
            assert!(weights.is_sorted_by(|one, next| one > next));
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_first_movie_is_rated_by_most_users() {
        let reach = weights(59_047, 153.8)[0] * 153.8;
        assert!((reach - REACH).abs() < 0.01, "{reach}");
    }
}
