//! Splits of ratings into training and held-out ratings.
//!
//! A split is a mask over the cells of the matrix by user. [`Holdout`] is made of a mask, whether it was drawn at
//! random, by time, or comes from two files ([`data`](super::data)).

use interactions::{Csr, Interactions};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// The training and the held-out ratings: the same users and items, and no cell in both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holdout {
    /// The training ratings.
    pub train: Interactions,
    /// The held-out ratings, by user (`n_users x n_items`).
    pub test: Csr,
}

impl Holdout {
    /// Splits a matrix by user: cell `p` is held out if `is_test[p]`.
    pub(super) fn of(by_user: &Csr, n_items: usize, is_test: &[bool]) -> Self {
        let train = by_user.filter(|position| !is_test[position]);
        let test = by_user.filter(|position| is_test[position]);
        Self { train: Interactions::from_users(train, n_items), test }
    }
}

/// Holds out a share of `n` ratings, to the nearest whole number, drawn without replacement by a seed.
///
/// # Errors
/// [`Error::Setting`] if that leaves no test or no training ratings.
pub(super) fn random(n: usize, test_fraction: f64, seed: u64) -> Result<Vec<bool>> {
    let n_test = share(n, test_fraction);
    check(n, n_test, test_fraction)?;
    let mut is_test = vec![false; n];
    for position in rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, n_test) {
        is_test[position] = true;
    }
    Ok(is_test)
}

/// Holds out the newest ratings of each user: a share of them, to the nearest whole number, and never all. A user with
/// too few ratings (two, at a fifth) has none held out. Among equal times the larger movie id is the newer; a rating
/// without a time is the oldest. Cost: a selection for each user.
///
/// # Errors
/// [`Error::Setting`] if that leaves no test or no training ratings.
pub(super) fn newest(by_user: &Csr, timestamps: &[i64], test_fraction: f64) -> Result<Vec<bool>> {
    let mut is_test = vec![false; timestamps.len()];
    let (mut start, mut n_test) = (0, 0);
    for user in 0..by_user.n_rows() {
        let n = by_user.columns(user).len();
        let held_out = share(n, test_fraction).min(n.saturating_sub(1));
        if held_out > 0 {
            // Positions of a row ascend with the movie id, so they break ties.
            let mut newest: Vec<_> = (start..start + n).map(|cell| (timestamps[cell], cell)).collect();
            newest.select_nth_unstable(n - held_out);
            newest[n - held_out..].iter().for_each(|&(_, cell)| is_test[cell] = true);
        }
        start += n;
        n_test += held_out;
    }
    check(timestamps.len(), n_test, test_fraction)?;
    Ok(is_test)
}

/// A share of a number, to the nearest whole number.
fn share(n: usize, fraction: f64) -> usize {
    (n as f64 * fraction).round() as usize
}

/// Checks that a share leaves test and training ratings.
fn check(n: usize, n_test: usize, test_fraction: f64) -> Result<()> {
    if test_fraction > 0.0 && test_fraction < 1.0 && n_test > 0 && n_test < n {
        return Ok(());
    }
    let problem = format!(
        "of {n} ratings it holds out {n_test}; \
         state a share above 0 and below 1 that leaves test and training ratings"
    );
    Err(Error::setting("--test-fraction", test_fraction, problem))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use interactions::Ratings;

    #[test]
    fn a_random_split_holds_out_the_fraction_and_depends_on_the_seed_alone() {
        let split = random(1000, 0.2, 7).unwrap();
        assert_eq!(split.iter().filter(|&&test| test).count(), 200);
        assert_eq!(split, random(1000, 0.2, 7).unwrap());
        assert_ne!(split, random(1000, 0.2, 8).unwrap());
    }

    #[test]
    fn a_split_without_test_or_training_ratings_is_an_error() {
        let matrix = Csr::from_sorted(10, 0..10, (0..10).collect(), vec![1.0; 10]);
        for fraction in [0.0, 1.0, -0.5, f64::NAN, 0.01, 0.99] {
            for split in [random(10, fraction, 1), newest(&matrix, &[0; 10], fraction)] {
                let error = split.unwrap_err().to_string();
                assert!(error.contains("--test-fraction"), "{error}");
            }
        }
    }

    #[test]
    fn the_newest_are_held_out_ties_go_to_the_larger_movie_and_no_time_is_the_oldest() {
        let rows = [0, 0, 0, 0, 0, 1, 1];
        let matrix = Csr::from_sorted(2, rows, vec![0, 1, 2, 3, 4, 0, 1], vec![1.0; 7]);
        let times = [30, 20, 30, Ratings::NO_TIME, 10, 5, 6];
        let split = |fraction| newest(&matrix, &times, fraction).unwrap();
        let (n, y) = (false, true);
        assert_eq!(split(0.2), [n, n, y, n, n, n, n], "of two equal times, the larger movie");
        assert_eq!(split(0.4), [y, n, y, n, n, n, y]);
        assert_eq!(
            split(0.9),
            [y, y, y, n, y, n, y],
            "a user keeps at least one, those without a time first"
        );
    }

    proptest! {
        #[test]
        fn any_split_is_a_partition_with_the_expected_counts(
            cells in prop::collection::btree_map((0u32..12, 0u32..15), 0i64..6, 30..150),
            fraction in 0.2f64..0.8,
            seed in 0u64..9,
        ) {
            let columns = cells.keys().map(|key| key.1).collect();
            let values: Vec<f32> = (0..cells.len()).map(|cell| cell as f32).collect();
            let matrix = Csr::from_sorted(12, cells.keys().map(|key| key.0), columns, values);
            let times: Vec<i64> = cells.values().copied().collect();
            let by_share = random(cells.len(), fraction, seed).unwrap();
            let by_time = newest(&matrix, &times, fraction).unwrap();
            for is_test in [&by_share, &by_time] {
                let parts = Holdout::of(&matrix, 15, is_test);
                prop_assert_eq!(&parts.train.by_user.transpose(15), &parts.train.by_item);
                let mut both: Vec<_> = parts.train.by_user.cells().chain(parts.test.cells()).collect();
                both.sort_by(|a, b| a.2.total_cmp(&b.2));
                prop_assert_eq!(both, matrix.cells().collect::<Vec<_>>());
            }
            prop_assert_eq!(by_share.iter().filter(|&&test| test).count(), share(cells.len(), fraction));

            let in_time = |(&(user, movie), &time): (&(u32, u32), &i64)| (user, time, movie);
            let mut marked: Vec<_> = cells.iter().map(in_time).zip(by_time).collect();
            marked.sort_unstable();
            for of_user in marked.chunk_by(|one, next| one.0.0 == next.0.0) {
                let n_test = share(of_user.len(), fraction).min(of_user.len() - 1);
                let (oldest, newest) = of_user.split_at(of_user.len() - n_test);
                prop_assert!(oldest.iter().all(|mark| !mark.1) && newest.iter().all(|mark| mark.1));
            }
        }
    }
}
