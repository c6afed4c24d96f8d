//! The last step of cleaning: the table is sorted by user and movie, each pair once.
//!
//! A table that is sorted already, as MovieLens tables are, stays as it is. The rows of another are dealt
//! into buckets of neighbouring users and movies, and the buckets are sorted side by side, each small enough
//! for a core's cache.

use std::cmp::Reverse;
use std::ops::Range;

use interactions::Ratings;
use rayon::prelude::*;
use store::{MovieId, UserId};

/// Rows that are dealt at once.
const PART: usize = 256 << 10;
/// Rows of a bucket, on average: about 400 KB.
const BUCKET: usize = 16 << 10;
/// So that finding a row's bucket and dealing out a block stay cheap.
const MOST_BUCKETS: usize = 2048;
/// Rows looked at for each bucket in order to place its bounds.
const SAMPLES: usize = 32;

/// Sorts a table by user and movie. Of several ratings of a movie by one user the latest is kept, among equal
/// times the highest, so that the order of the rows leaves no trace.
///
/// O(n) where the rows are strictly ascending, O(n log n) on all threads otherwise.
pub(super) fn merge(ratings: Ratings) -> Ratings {
    if is_ascending(&ratings) { ratings } else { sort(ratings) }
}

/// What the rows are sorted by.
fn key(user: UserId, movie: MovieId) -> u64 {
    u64::from(user.get()) << 32 | u64::from(movie.get())
}

/// Whether the rows are strictly ascending.
fn is_ascending(ratings: &Ratings) -> bool {
    let keys = || ratings.users.par_iter().zip(&ratings.movies).map(|(&user, &movie)| key(user, movie));
    keys().zip(keys().skip(1)).all(|(one, next)| one < next)
}

/// A row as it is dealt and sorted.
#[derive(Clone, Copy, Default)]
struct Row {
    key: u64,
    timestamp: i64,
    stars: f32,
}

/// The rows of a part of the table, bucket by bucket.
struct Dealt {
    rows: Vec<Row>,
    /// Where each bucket begins, and the end.
    starts: Vec<usize>,
}

/// Sorts the rows and leaves one of each pair.
fn sort(ratings: Ratings) -> Ratings {
    let bounds = bounds(&ratings);
    let parts: Vec<_> = (0..ratings.len()).step_by(PART).collect();
    let dealt: Vec<Dealt> = parts
        .into_par_iter()
        .map(|start| deal(&ratings, start..ratings.len().min(start + PART), &bounds))
        .collect();
    drop(ratings);
    let buckets: Vec<Ratings> = (0..=bounds.len())
        .into_par_iter()
        .map(|bucket| {
            let pieces = dealt.iter().map(|part| &part.rows[part.starts[bucket]..part.starts[bucket + 1]]);
            sort_bucket(pieces.collect::<Vec<_>>().concat())
        })
        .collect();
    drop(dealt);
    let mut sorted = Ratings::default();
    for bucket in buckets {
        sorted.append(&bucket);
    }
    sorted
}

/// The least key of every bucket but the first, taken from a sample so that the buckets are of like size.
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

/// Deals rows into buckets: counted first, then put each in its place.
fn deal(ratings: &Ratings, part: Range<usize>, bounds: &[u64]) -> Dealt {
    let rows: Vec<(Row, usize)> = part
        .map(|row| {
            let key = key(ratings.users[row], ratings.movies[row]);
            let bucket = bounds.partition_point(|&bound| bound <= key);
            (Row { key, timestamp: ratings.timestamps[row], stars: ratings.stars[row] }, bucket)
        })
        .collect();
    let mut starts = vec![0; bounds.len() + 2];
    for &(_, bucket) in &rows {
        starts[bucket + 1] += 1;
    }
    for bucket in 0..=bounds.len() {
        starts[bucket + 1] += starts[bucket];
    }
    let mut dealt = vec![Row::default(); rows.len()];
    let mut places = starts.clone();
    for (row, bucket) in rows {
        dealt[places[bucket]] = row;
        places[bucket] += 1;
    }
    Dealt { rows: dealt, starts }
}

/// Sorts a bucket, the rating that counts before others of the same pair, and drops those.
fn sort_bucket(mut rows: Vec<Row>) -> Ratings {
    rows.sort_unstable_by(|a, b| {
        a.key.cmp(&b.key).then_with(|| {
            Reverse(a.timestamp).cmp(&Reverse(b.timestamp)).then_with(|| b.stars.total_cmp(&a.stars))
        })
    });
    rows.dedup_by_key(|row| row.key);
    Ratings {
        users: rows.iter().map(|row| UserId::new((row.key >> 32) as u32)).collect(),
        movies: rows.iter().map(|row| MovieId::new(row.key as u32)).collect(),
        stars: rows.iter().map(|row| row.stars).collect(),
        timestamps: rows.iter().map(|row| row.timestamp).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use interactions::Rating;

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
    fn nothing_merges_to_nothing() {
        assert!(merge(Ratings::default()).is_empty());
    }

    #[test]
    fn many_buckets_hold_what_one_map_holds() {
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
