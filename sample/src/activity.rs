//! The number of ratings of each user.
//!
//! The numbers are log-normal above a minimum, as in MovieLens: most users stop soon after the twenty ratings that its
//! website asks for, and few have thousands.

use rand::RngExt;
use rand_distr::StandardNormal;

use super::{Shape, Stream, rng};

/// The fewest ratings of a user, as in the published data of MovieLens.
pub(super) const FEWEST: u32 = 20;

/// The standard deviation of the logarithm of a user's ratings above the minimum.
const SPREAD: f64 = 1.3;

/// The number of ratings of each user, [`FEWEST`] to half of the catalogue, with the sum `shape.ratings`.
///
/// `count = min(cap, FEWEST + floor(scale * exp(SPREAD * z)))`, with the largest scale whose sum is
/// not too large. The remainder goes to the first users below the cap, one each.
pub(super) fn ratings_per_user(shape: &Shape) -> Vec<u32> {
    let cap = shape.most_by_one_user();
    let mut rng = rng(shape.seed, Stream::Activity);
    let factor: Vec<f64> =
        (0..shape.users).map(|_| (SPREAD * rng.sample::<f64, _>(StandardNormal)).exp()).collect();
    // A cast of a float to an integer saturates, so the largest scale gives the cap.
    let count = |scale: f64, factor: f64| FEWEST.saturating_add((scale * factor) as u32).min(cap);
    let total = |scale: f64| factor.iter().map(|&factor| u64::from(count(scale, factor))).sum::<u64>();

    let (mut low, mut high) = (0.0, 1.0);
    while total(high) <= shape.ratings && high < f64::from(u32::MAX) {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if total(middle) <= shape.ratings { low = middle } else { high = middle }
    }

    let mut counts: Vec<u32> = factor.iter().map(|&factor| count(low, factor)).collect();
    let mut left = shape.ratings - total(low);
    while left > 0 {
        for count in counts.iter_mut().filter(|count| **count < cap) {
            if left == 0 {
                break;
            }
            *count += 1;
            left -= 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(users: u32, movies: u32, ratings: u64) -> Shape {
        Shape { users, movies, ratings, seed: 3, dirt: 0.0 }
    }

    #[test]
    fn counts_have_the_exact_sum_at_both_ends_of_the_range() {
        for ratings in [2_000, 2_001, 9_999, 50_000, 99_999, 100_000] {
            let counts = ratings_per_user(&shape(100, 2_000, ratings));
            assert_eq!(counts.iter().map(|&count| u64::from(count)).sum::<u64>(), ratings);
            assert!(counts.iter().all(|count| (20..=1_000).contains(count)));
        }
    }

    #[test]
    fn few_users_have_many_of_the_ratings() {
        let mut counts = ratings_per_user(&shape(10_000, 20_000, 1_500_000));
        counts.sort_unstable();
        let median = counts[5_000];
        let busiest: u64 = counts[9_000..].iter().map(|&count| u64::from(count)).sum();
        assert!((60..110).contains(&median), "median {median}");
        assert!(busiest > 600_000, "the busiest tenth has {busiest}");
    }
}
