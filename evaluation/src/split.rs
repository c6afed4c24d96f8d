//! Splits of ratings into training and held-out ratings.
//!
//! A split is a mask over the cells of the matrix by user. [`Holdout`] is made of a mask, whether it was drawn at
//! random, by time, or comes from two files ([`data`](super::data)).

use std::ops::Range;

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

    /// The held-out ratings of the users with training ratings, by user (`n_users x n_items`).
    pub(super) fn measurable(&self) -> Csr {
        let rows: Vec<usize> = self.test.cells().map(|cell| cell.0).collect();
        self.test.filter(|position| !self.train.by_user.columns(rows[position]).is_empty())
    }

    /// The number of users that no split can measure: those with one rating, or without a training rating.
    pub(super) fn n_not_measurable(&self) -> usize {
        let n_ratings = |user| (self.train.by_user.columns(user).len(), self.test.columns(user).len());
        (0..self.test.n_rows()).filter(|&user| matches!(n_ratings(user), (0, _) | (1, 0))).count()
    }
}

/// Holds out a share of all ratings, to the nearest whole number, drawn without replacement by a seed. A user of whom
/// every rating is drawn gets one of them back, also by the seed: a list is made of training ratings.
///
/// # Errors
/// [`Error::Setting`] if no rating is drawn, or all are.
pub(super) fn random(by_user: &Csr, test_fraction: f64, seed: u64) -> Result<Vec<bool>> {
    let n = by_user.n_cells();
    let n_test = share(n, test_fraction);
    check(n, n_test, test_fraction)?;
    let mut is_test = vec![false; n];
    for position in rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, n_test) {
        is_test[position] = true;
    }
    for (user, cells) in cells_of_users(by_user) {
        let items = by_user.columns(user);
        if is_test[cells.clone()].iter().all(|&test| test)
            && let Some((_, cell)) =
                cells.zip(items).map(|(cell, &item)| (draw(seed, user, item), cell)).min()
        {
            is_test[cell] = false;
        }
    }
    Ok(is_test)
}

/// A split by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewestSplit {
    /// By cell of the matrix, whether it is held out.
    pub is_test: Vec<bool>,
    /// Held-out ratings that were drawn among ratings of the same user and time.
    pub n_drawn: usize,
}

/// Holds out the newest ratings of each user: a share of them, to the nearest whole number, and never all. A user with
/// too few ratings (two, at a fifth) has none held out. A rating without a time is the oldest. Among ratings of the same
/// time those that are held out are drawn by the seed. Cost: a selection for each user.
///
/// # Errors
/// [`Error::Setting`] if that leaves no test or no training ratings.
pub(super) fn newest(
    by_user: &Csr,
    timestamps: &[i64],
    test_fraction: f64,
    seed: u64,
) -> Result<NewestSplit> {
    let mut is_test = vec![false; timestamps.len()];
    let (mut n_test, mut n_drawn) = (0, 0);
    for (user, cells) in cells_of_users(by_user) {
        let n = cells.len();
        let held_out = share(n, test_fraction).min(n.saturating_sub(1));
        if held_out == 0 {
            continue;
        }
        let items = by_user.columns(user);
        let mut newest: Vec<_> =
            cells.zip(items).map(|(cell, &item)| (timestamps[cell], draw(seed, user, item), cell)).collect();
        let (kept, &mut (oldest, ..), _) = newest.select_nth_unstable(n - held_out);
        let is_tied = kept.iter().any(|&(time, ..)| time == oldest);
        for &(time, _, cell) in &newest[n - held_out..] {
            is_test[cell] = true;
            n_drawn += usize::from(is_tied && time == oldest);
        }
        n_test += held_out;
    }
    check(timestamps.len(), n_test, test_fraction)?;
    Ok(NewestSplit { is_test, n_drawn })
}

/// Returns each row of a matrix with the range of its cells.
fn cells_of_users(by_user: &Csr) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    (0..by_user.n_rows()).scan(0, |start, user| {
        let cells = *start..*start + by_user.columns(user).len();
        *start = cells.end;
        Some((user, cells))
    })
}

/// Draws a number for a cell of the matrix, the same for the same seed: the finalizer of SplitMix64 (Steele, Lea, Flood:
/// "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
fn draw(seed: u64, user: usize, item: u32) -> u64 {
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let cell = ((user as u64) << 32) | u64::from(item);
    mix(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ cell)
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
        let matrix = Csr::from_sorted(1, [0; 1000], (0..1000).collect(), vec![1.0; 1000]);
        let split = random(&matrix, 0.2, 7).unwrap();
        assert_eq!(split.iter().filter(|&&test| test).count(), 200);
        assert_eq!(split, random(&matrix, 0.2, 7).unwrap());
        assert_ne!(split, random(&matrix, 0.2, 8).unwrap());
    }

    #[test]
    fn a_split_without_test_or_training_ratings_is_an_error() {
        let matrix = Csr::from_sorted(10, 0..10, (0..10).collect(), vec![1.0; 10]);
        for fraction in [0.0, 1.0, -0.5, f64::NAN, 0.01, 0.99] {
            let by_time = newest(&matrix, &[0; 10], fraction, 1).map(|split| split.is_test);
            for split in [random(&matrix, fraction, 1), by_time] {
                let error = split.unwrap_err().to_string();
                assert!(error.contains("--test-fraction"), "{error}");
            }
        }
    }

    #[test]
    fn the_newest_are_held_out_and_no_time_is_the_oldest() {
        let rows = [0, 0, 0, 0, 0, 1, 1];
        let matrix = Csr::from_sorted(2, rows, vec![0, 1, 2, 3, 4, 0, 1], vec![1.0; 7]);
        let times = [31, 20, 30, Ratings::NO_TIME, 10, 5, 6];
        let split = |fraction| newest(&matrix, &times, fraction, 1).unwrap();
        let (n, y) = (false, true);
        assert_eq!(split(0.2).is_test, [y, n, n, n, n, n, n]);
        assert_eq!(split(0.4).is_test, [y, n, y, n, n, n, y]);
        assert_eq!(split(0.9).is_test, [y, y, y, n, y, n, y], "a user keeps at least one, the oldest");
        assert_eq!(split(0.9).n_drawn, 0);
    }

    #[test]
    fn among_equal_times_the_held_out_ratings_are_drawn_by_the_seed() {
        let (n_users, n_items) = (200, 10);
        let rows = (0..n_users).flat_map(|user| [user; 10]);
        let columns = (0..n_users).flat_map(|_| 0..n_items).collect();
        let matrix = Csr::from_sorted(n_users as usize, rows, columns, vec![1.0; 2000]);
        for times in [vec![7; 2000], vec![Ratings::NO_TIME; 2000]] {
            let split = newest(&matrix, &times, 0.2, 1).unwrap();
            assert_eq!(split, newest(&matrix, &times, 0.2, 1).unwrap());
            assert_ne!(split, newest(&matrix, &times, 0.2, 2).unwrap());
            assert_eq!(split.n_drawn, 400, "every held-out rating is one of ten of the same time");
            // 40 users in 200 are expected for each item; five standard deviations are 28.
            for item in 0..10 {
                let n = split.is_test.iter().skip(item).step_by(10).filter(|&&test| test).count();
                assert!((12..=68).contains(&n), "item {item} is held out for {n} users");
            }
        }
        // The last of three times is newer than the others: only the second held-out rating is drawn.
        let times: Vec<i64> = (0..2000).map(|cell| i64::from(cell % 10 == 3)).collect();
        let split = newest(&matrix, &times, 0.2, 1).unwrap();
        assert_eq!(split.n_drawn, 200);
        assert!(split.is_test.iter().skip(3).step_by(10).all(|&test| test));
    }

    #[test]
    fn a_user_of_whom_every_rating_is_drawn_gets_one_back() {
        // Users 0 to 99 have one rating, 100 to 199 two.
        let rows = (0..100u32).chain((100..200).flat_map(|user| [user; 2]));
        let columns = (0..100).map(|_| 0).chain((0..100).flat_map(|_| [0, 1])).collect();
        let matrix = Csr::from_sorted(200, rows, columns, vec![1.0; 300]);
        let is_test = random(&matrix, 0.7, 3).unwrap();
        let holdout = Holdout::of(&matrix, 2, &is_test);
        for user in 0..200 {
            assert!(!holdout.train.by_user.columns(user).is_empty(), "user {user}");
        }
        assert_eq!(holdout.n_not_measurable(), 100);
        assert_eq!(holdout.measurable(), holdout.test);
        let first = holdout.test.cells().filter(|cell| cell.1 == 0).count();
        assert!(first > 20 && first < holdout.test.n_cells() - 20, "either rating may come back");
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
            let by_share = random(&matrix, fraction, seed).unwrap();
            let by_time = newest(&matrix, &times, fraction, seed).unwrap().is_test;
            for is_test in [&by_share, &by_time] {
                let parts = Holdout::of(&matrix, 15, is_test);
                prop_assert_eq!(&parts.train.by_user.transpose(15), &parts.train.by_item);
                let mut both: Vec<_> = parts.train.by_user.cells().chain(parts.test.cells()).collect();
                both.sort_by(|a, b| a.2.total_cmp(&b.2));
                prop_assert_eq!(both, matrix.cells().collect::<Vec<_>>());
            }
            let n_drawn = share(cells.len(), fraction);
            let n_test = by_share.iter().filter(|&&test| test).count();
            prop_assert!(n_test <= n_drawn && n_test + 12 >= n_drawn);
            let kept = Holdout::of(&matrix, 15, &by_share).train.by_user;
            prop_assert!((0..12).all(|user| kept.columns(user).is_empty() == matrix.columns(user).is_empty()));

            let in_time = |(&(user, _), &time): (&(u32, u32), &i64)| (user, time);
            let mut marked: Vec<_> = cells.iter().map(in_time).zip(by_time).collect();
            marked.sort_unstable();
            for of_user in marked.chunk_by(|one, next| one.0.0 == next.0.0) {
                let n_test = share(of_user.len(), fraction).min(of_user.len() - 1);
                prop_assert_eq!(of_user.iter().filter(|mark| mark.1).count(), n_test);
                let newest_kept = of_user.iter().filter(|mark| !mark.1).map(|mark| mark.0.1).max();
                let oldest_held_out = of_user.iter().filter(|mark| mark.1).map(|mark| mark.0.1).min();
                prop_assert!(oldest_held_out.is_none() || newest_kept <= oldest_held_out);
            }
        }
    }
}
