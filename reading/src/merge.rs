//! The last step of cleaning: sorts the table by user and movie, with each pair once.
//!
//! A sorted table, as those of MovieLens are, is returned unchanged. The rows of any other table are distributed to
//! buckets by ranges of users and movies, and the buckets are sorted in parallel, each small enough for the cache of a
//! core.

use std::cmp::Reverse;
use std::ops::Range;

use interactions::{Rating, Ratings};
use rayon::prelude::*;
use store::{MovieId, UserId};

/// Rows that a task distributes.
const CHUNK: usize = 256 << 10;
/// Rows of a bucket, on average: about 400 KB.
const BUCKET: usize = 16 << 10;
/// The greatest number of buckets, which bounds the cost of finding the bucket of a row.
const MOST_BUCKETS: usize = 2048;
/// Sampled rows for each bucket, from which the bounds are taken.
const SAMPLES: usize = 32;

/// Sorts a table by user and movie. If a user has several ratings of a movie, the latest is kept, among equal
/// times the highest, so the order of the rows has no influence.
///
/// O(n) where the rows are strictly ascending, O(n log n) on all threads otherwise.
pub(super) fn merge(ratings: Ratings) -> Ratings {
    if is_ascending(&ratings) { ratings } else { sort(ratings) }
}

/// The sort key of a row.
fn key(user: UserId, movie: MovieId) -> u64 {
    u64::from(user.get()) << 32 | u64::from(movie.get())
}

/// Whether the rows are strictly ascending.
fn is_ascending(ratings: &Ratings) -> bool {
    let keys = || ratings.users.par_iter().zip(&ratings.movies).map(|(&user, &movie)| key(user, movie));
    keys().zip(keys().skip(1)).all(|(one, next)| one < next)
}

/// A row while it is sorted.
#[derive(Clone, Copy, Default)]
struct Row {
    key: u64,
    timestamp: i64,
    stars: f32,
}

/// The rows of a chunk of the table, bucket by bucket.
struct Distributed {
    rows: Vec<Row>,
    /// The start of each bucket, and the end of the last.
    starts: Vec<usize>,
}

/// Sorts the rows and keeps one of each pair.
fn sort(ratings: Ratings) -> Ratings {
    let bounds = bounds(&ratings);
    let chunks: Vec<_> = (0..ratings.len()).step_by(CHUNK).collect();
    let distributed: Vec<Distributed> = chunks
        .into_par_iter()
        .map(|start| distribute(&ratings, start..ratings.len().min(start + CHUNK), &bounds))
        .collect();
    drop(ratings);
    let buckets: Vec<Ratings> = (0..=bounds.len())
        .into_par_iter()
        .map(|bucket| {
            let pieces =
                distributed.iter().map(|chunk| &chunk.rows[chunk.starts[bucket]..chunk.starts[bucket + 1]]);
            sort_bucket(pieces.collect::<Vec<_>>().concat())
        })
        .collect();
    drop(distributed);
    let mut sorted = Ratings::default();
    for bucket in buckets {
        sorted.append(&bucket);
    }
    sorted
}

/// The least key of every bucket except the first, taken from a sample so that the buckets have similar sizes.
fn bounds(ratings: &Ratings) -> Vec<u64> {
    let n_buckets = (ratings.len() / BUCKET).clamp(1, MOST_BUCKETS);
    let step = (ratings.len() / (n_buckets * SAMPLES)).max(1);
    let rows = ratings.users.iter().zip(&ratings.movies).step_by(step);
    let mut sample: Vec<u64> = rows.map(|(&user, &movie)| key(user, movie)).collect();
    sample.par_sort_unstable();
    let mut bounds: Vec<u64> =
        (1..n_buckets).map(|bucket| sample[bucket * sample.len() / n_buckets]).collect();
    bounds.dedup();
    bounds
}

/// Distributes rows to buckets: counts them first, then moves each to its place.
fn distribute(ratings: &Ratings, chunk: Range<usize>, bounds: &[u64]) -> Distributed {
    let rows: Vec<(Row, usize)> = chunk
        .map(|row| {
            let Rating { user, movie, stars, timestamp } = ratings.at(row);
            let key = key(user, movie);
            (Row { key, timestamp, stars }, bounds.partition_point(|&bound| bound <= key))
        })
        .collect();
    let mut starts = vec![0; bounds.len() + 2];
    for &(_, bucket) in &rows {
        starts[bucket + 1] += 1;
    }
    for bucket in 0..=bounds.len() {
        starts[bucket + 1] += starts[bucket];
    }
    let mut distributed = vec![Row::default(); rows.len()];
    let mut places = starts.clone();
    for (row, bucket) in rows {
        distributed[places[bucket]] = row;
        places[bucket] += 1;
    }
    Distributed { rows: distributed, starts }
}

/// Sorts a bucket, and keeps the rating of each pair that counts.
fn sort_bucket(mut rows: Vec<Row>) -> Ratings {
    rows.sort_unstable_by(|a, b| {
        a.key.cmp(&b.key).then_with(|| {
            Reverse(a.timestamp).cmp(&Reverse(b.timestamp)).then_with(|| b.stars.total_cmp(&a.stars))
        })
    });
    rows.dedup_by_key(|row| row.key);
    let rating = |row: Row| {
        let (user, movie) = (UserId::new((row.key >> 32) as u32), MovieId::new(row.key as u32));
        Rating { user, movie, stars: row.stars, timestamp: row.timestamp }
    };
    rows.into_iter().map(rating).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[(u32, u32, u8, i64)]) -> Ratings {
        let mut table = Ratings::default();
        for &(user, movie, halves, timestamp) in rows {
            let (user, movie, stars) = (UserId::new(user), MovieId::new(movie), f32::from(halves) / 2.0);
            table.push(Rating { user, movie, stars, timestamp });
        }
        table
    }

    #[test]
    fn the_latest_rating_wins_and_among_equal_times_the_highest() {
        let no_time = Ratings::NO_TIME;
        let rows =
            [(2, 1, 4, 10), (1, 1, 9, 10), (1, 1, 8, 11), (2, 1, 6, 10), (1, 1, 10, no_time), (2, 1, 5, 10)];
        assert_eq!(merge(table(&rows)), table(&[(1, 1, 8, 11), (2, 1, 6, 10)]));
    }

    #[test]
    fn a_sorted_table_with_a_pair_twice_is_merged() {
        let merged = merge(table(&[(1, 1, 2, 5), (1, 1, 3, 6), (1, 2, 3, 6)]));
        assert_eq!(merged, table(&[(1, 1, 3, 6), (1, 2, 3, 6)]));
    }

    #[test]
    fn an_empty_table_stays_empty() {
        assert!(merge(Ratings::default()).is_empty());
    }

    #[test]
    fn many_buckets_have_the_rows_of_one_map() {
        // A linear congruential walk: every pair about twice, users far apart.
        let mut state = 1_u32;
        let mut next = |n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let rows: Vec<_> = (0..300_000)
            .map(|_| (next(3000) * 1_000_000, next(50), next(10) as u8, i64::from(next(9))))
            .collect();
        assert_eq!(merge(table(&rows)), reference(&rows));
    }

    fn reference(rows: &[(u32, u32, u8, i64)]) -> Ratings {
        let mut best = BTreeMap::new();
        for &(user, movie, halves, timestamp) in rows {
            let slot = best.entry((user, movie)).or_insert((timestamp, halves));
            *slot = (*slot).max((timestamp, halves));
        }
        table(
            &best
                .into_iter()
                .map(|((user, movie), (time, stars))| (user, movie, stars, time))
                .collect::<Vec<_>>(),
        )
    }

    proptest! {
        #[test]
        fn a_merge_is_what_a_map_would_hold(
            rows in prop::collection::vec((0u32..6, 0u32..6, 1u8..11, 0i64..4), 0..80),
        ) {
            prop_assert_eq!(merge(table(&rows)), reference(&rows));
        }
    }
}
