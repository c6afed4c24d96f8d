//! The last step of cleaning: the blocks become one table, sorted by user and movie, each pair once.
//!
//! Tables that are sorted already, as MovieLens tables are, are put together as they are. Others are dealt
//! into buckets of neighbouring users and movies, and the buckets are sorted side by side, each small enough
//! for a core's cache.

use std::cmp::Reverse;

use rayon::prelude::*;
use store::{MovieId, UserId};

use super::tables::Ratings;

/// Rows of a bucket, on average: about 400 KB.
const BUCKET: usize = 16 << 10;
/// So that finding a row's bucket and dealing out a block stay cheap.
const MOST_BUCKETS: usize = 2048;
/// Rows looked at for each bucket in order to place its bounds.
const SAMPLES: usize = 32;

/// Merges the blocks of a table. Of several ratings of a movie by one user the latest is kept, among equal
/// times the highest, so that the order of the rows leaves no trace.
///
/// O(n) where the rows are strictly ascending, O(n log n) on all threads otherwise.
pub(super) fn merge(parts: Vec<Ratings>) -> Ratings {
    if is_ascending(&parts) { concatenate(parts) } else { concatenate(sort(parts)) }
}

/// What the rows are sorted by.
fn key(user: UserId, movie: MovieId) -> u64 {
    u64::from(user.0) << 32 | u64::from(movie.0)
}

fn keys(part: &Ratings) -> impl Iterator<Item = u64> {
    part.users.iter().zip(&part.movies).map(|(&user, &movie)| key(user, movie))
}

/// Whether the rows are strictly ascending, within the parts and from each to the next.
fn is_ascending(parts: &[Ratings]) -> bool {
    let ends = |part: &Ratings| Some((keys(part).next()?, key(*part.users.last()?, *part.movies.last()?)));
    parts.iter().filter_map(ends).is_sorted_by(|(_, last), (first, _)| last < first)
        && parts.par_iter().all(|part| keys(part).is_sorted_by(|a, b| a < b))
}

/// Puts sorted parts together, a thread to each column; a part's column is freed as it is copied.
fn concatenate(parts: Vec<Ratings>) -> Ratings {
    let (mut users, mut movies, mut stars, mut timestamps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        users.push(part.users);
        movies.push(part.movies);
        stars.push(part.stars);
        timestamps.push(part.timestamps);
    }
    let ((users, movies), (stars, timestamps)) = rayon::join(
        || rayon::join(|| column(users), || column(movies)),
        || rayon::join(|| column(stars), || column(timestamps)),
    );
    Ratings { users, movies, stars, timestamps }
}

fn column<T: Copy>(pieces: Vec<Vec<T>>) -> Vec<T> {
    let mut whole = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    whole
}

/// A row as it is dealt and sorted.
#[derive(Clone, Copy, Default)]
struct Row {
    key: u64,
    timestamp: i64,
    stars: f32,
}

/// The rows of a part, bucket by bucket.
struct Dealt {
    rows: Vec<Row>,
    /// Where each bucket begins, and the end.
    starts: Vec<usize>,
}

/// Sorts the rows of all parts and leaves one of each pair.
fn sort(parts: Vec<Ratings>) -> Vec<Ratings> {
    let bounds = bounds(&parts);
    let dealt: Vec<Dealt> = parts.into_par_iter().map(|part| deal(&part, &bounds)).collect();
    (0..=bounds.len())
        .into_par_iter()
        .map(|bucket| {
            let pieces = dealt.iter().map(|part| &part.rows[part.starts[bucket]..part.starts[bucket + 1]]);
            sort_bucket(pieces.flatten().copied().collect())
        })
        .collect()
}

/// The least key of every bucket but the first, taken from a sample so that the buckets are of like size.
fn bounds(parts: &[Ratings]) -> Vec<u64> {
    let n_rows: usize = parts.iter().map(Ratings::len).sum();
    let n_buckets = (n_rows / BUCKET).clamp(1, MOST_BUCKETS);
    let step = (n_rows / (n_buckets * SAMPLES)).max(1);
    let mut sample: Vec<u64> = parts.iter().flat_map(|part| keys(part).step_by(step)).collect();
    sample.par_sort_unstable();
    let mut bounds: Vec<u64> =
        (1..n_buckets).map(|bucket| sample[bucket * sample.len() / n_buckets]).collect();
    bounds.dedup();
    bounds
}

/// Deals the rows of a part into buckets: counted first, then put each in its place.
fn deal(part: &Ratings, bounds: &[u64]) -> Dealt {
    let buckets: Vec<usize> = keys(part).map(|key| bounds.partition_point(|&bound| bound <= key)).collect();
    let mut starts = vec![0; bounds.len() + 2];
    for &bucket in &buckets {
        starts[bucket + 1] += 1;
    }
    for bucket in 0..=bounds.len() {
        starts[bucket + 1] += starts[bucket];
    }
    let mut rows = vec![Row::default(); part.len()];
    let mut places = starts.clone();
    for (row, (key, bucket)) in keys(part).zip(buckets).enumerate() {
        rows[places[bucket]] = Row { key, timestamp: part.timestamps[row], stars: part.stars[row] };
        places[bucket] += 1;
    }
    Dealt { rows, starts }
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
        users: rows.iter().map(|row| UserId((row.key >> 32) as u32)).collect(),
        movies: rows.iter().map(|row| MovieId(row.key as u32)).collect(),
        stars: rows.iter().map(|row| row.stars).collect(),
        timestamps: rows.iter().map(|row| row.timestamp).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ingest::judge::Rating;

    fn part(rows: &[(u32, u32, u8, i64)]) -> Ratings {
        let mut part = Ratings::default();
        for &(user, movie, halves, timestamp) in rows {
            let (user, movie, stars) = (UserId(user), MovieId(movie), f32::from(halves) / 2.0);
            part.push(Rating { user, movie, stars, timestamp });
        }
        part
    }

    #[test]
    fn the_latest_rating_wins_and_among_equal_times_the_highest() {
        let merged = merge(vec![
            part(&[(2, 1, 4, 10), (1, 1, 9, 10), (1, 1, 8, 11)]),
            part(&[(2, 1, 6, 10), (1, 1, 10, Ratings::NO_TIME), (2, 1, 5, 10)]),
        ]);
        assert_eq!(merged, part(&[(1, 1, 8, 11), (2, 1, 6, 10)]));
    }

    #[test]
    fn a_pair_that_ends_one_block_and_begins_the_next_is_merged() {
        let merged =
            merge(vec![part(&[(1, 1, 2, 5)]), Ratings::default(), part(&[(1, 1, 3, 6), (1, 2, 3, 6)])]);
        assert_eq!(merged, part(&[(1, 1, 3, 6), (1, 2, 3, 6)]));
    }

    #[test]
    fn nothing_merges_to_nothing() {
        assert!(merge(vec![]).is_empty());
        assert!(merge(vec![Ratings::default(), Ratings::default()]).is_empty());
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
        assert_eq!(merge(rows.chunks(7777).map(part).collect()), reference(&rows));
    }

    fn reference(rows: &[(u32, u32, u8, i64)]) -> Ratings {
        let mut best = BTreeMap::new();
        for &(user, movie, halves, timestamp) in rows {
            let slot = best.entry((user, movie)).or_insert((timestamp, halves));
            *slot = (*slot).max((timestamp, halves));
        }
        part(
            &best
                .into_iter()
                .map(|((user, movie), (time, stars))| (user, movie, stars, time))
                .collect::<Vec<_>>(),
        )
    }

    proptest! {
        #[test]
        fn a_merge_is_what_a_map_would_hold_however_the_rows_are_cut(
            rows in prop::collection::vec((0u32..6, 0u32..6, 1u8..11, 0i64..4), 0..80),
            size in 1usize..20,
        ) {
            prop_assert_eq!(merge(rows.chunks(size).map(part).collect()), reference(&rows));
        }
    }
}
