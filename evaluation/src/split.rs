//! Which ratings are held out, and the two matrices that come of it.
//!
//! A split is a mask over the cells of the matrix by user, so that every way of drawing one ends in the same
//! [`Holdout`]. Where the split is given as two files, [`data`](super::data) makes the mask.

use interactions::{Csr, Interactions};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// The two parts of a split: the same users and items, and no cell in both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holdout {
    /// What a model may learn from.
    pub train: Interactions,
    /// What it is measured on, by user (n_users x n_items).
    pub test: Csr,
}

impl Holdout {
    /// Parts a matrix by user: cell `p` is held out where `is_test[p]`.
    pub(super) fn of(by_user: &Csr, n_items: usize, is_test: &[bool]) -> Self {
        let train = by_user.filter(|position| !is_test[position]);
        let test = by_user.filter(|position| is_test[position]);
        Self { train: Interactions::from_users(train, n_items), test }
    }
}

/// Holds out a share of `n` ratings, to the nearest whole number, drawn without replacement by a seed.
///
/// # Errors
/// [`Error::Setting`] where that leaves nothing to test or to train.
pub(super) fn random(n: usize, test_fraction: f64, seed: u64) -> Result<Vec<bool>> {
    let n_test = share(n, test_fraction);
    check(n, n_test, test_fraction)?;
    let mut is_test = vec![false; n];
    for position in rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, n_test) {
        is_test[position] = true;
    }
    Ok(is_test)
}

/// Holds out each user's newest ratings: a share of the user's, to the nearest whole number, and never all of
/// them. So a user with too few (two, at a fifth) keeps all in train. Among equal times the larger movie id
/// is the newer; a rating without time is older than any. Cost: a selection a user.
///
/// # Errors
/// [`Error::Setting`] where that leaves nothing to test or to train.
pub(super) fn newest(by_user: &Csr, timestamps: &[i64], test_fraction: f64) -> Result<Vec<bool>> {
    let mut is_test = vec![false; timestamps.len()];
    let (mut start, mut n_test) = (0, 0);
    for user in 0..by_user.n_rows() {
        let n = by_user.columns(user).len();
        let held_out = share(n, test_fraction).min(n.saturating_sub(1));
        if held_out > 0 {
            // Positions of a row ascend with the movie's id, so they break the ties.
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

/// Says what is wrong with a share that leaves one part empty.
fn check(n: usize, n_test: usize, test_fraction: f64) -> Result<()> {
    if test_fraction > 0.0 && test_fraction < 1.0 && n_test > 0 && n_test < n {
        return Ok(());
    }
    let problem = format!(
        "of {n} ratings it would leave {n_test} to test; \
         it must be above 0 and below 1 and leave some to test and some to train"
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
    fn a_split_that_leaves_nothing_on_one_side_is_refused() {
        let matrix = Csr::from_sorted(10, 0..10, (0..10).collect(), vec![1.0; 10]);
        for fraction in [0.0, 1.0, -0.5, f64::NAN, 0.01, 0.99] {
            for split in [random(10, fraction, 1), newest(&matrix, &[0; 10], fraction)] {
                let error = split.unwrap_err().to_string();
                assert!(error.contains("--test-fraction"), "{error}");
            }
        }
    }

    #[test]
    fn the_newest_are_held_out_ties_go_by_movie_and_no_time_is_the_oldest() {
        let rows = [0, 0, 0, 0, 0, 1, 1];
        let matrix = Csr::from_sorted(2, rows, vec![0, 1, 2, 3, 4, 0, 1], vec![1.0; 7]);
        let times = [30, 20, 30, Ratings::NO_TIME, 10, 5, 6];
        let split = |fraction| newest(&matrix, &times, fraction).unwrap();
        let (n, y) = (false, true);
        assert_eq!(split(0.2), [n, n, y, n, n, n, n], "of two equal times, the larger movie");
        assert_eq!(split(0.4), [y, n, y, n, n, n, y]);
        assert_eq!(split(0.9), [y, y, y, n, y, n, y], "a user keeps at least one, and the timeless first");
    }

    proptest! {
        #[test]
        fn any_split_is_a_partition_with_the_counts_it_should_have(
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
