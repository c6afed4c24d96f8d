//! Who rates the movies that chance would leave out.
//!
//! ML-25M lists 59,047 movies with a rating, many with a single one. Drawing by popularity alone would never
//! reach some of the tail, so each movie there is given to one user in advance.

use rand::seq::SliceRandom;

use super::catalogue::Catalogue;
use super::{Shape, Stream, rng};

/// A movie that is expected to get fewer ratings than this is given to somebody.
const EXPECTED: f64 = 25.0;

/// At most one rating in so many is spent on discoveries; beyond it movies may stay unrated.
const SPARSITY: u64 = 4;

/// Who discovers what.
#[derive(Debug)]
pub(super) struct Discoveries {
    /// (user, movie), both as indices; sorted.
    pairs: Vec<(u32, u32)>,
}

impl Discoveries {
    /// The movies, as ascending indices, that a user is the first to rate: at most their activity.
    pub(super) fn of(&self, user: u32) -> impl ExactSizeIterator<Item = u32> {
        let start = self.pairs.partition_point(|pair| pair.0 < user);
        let end = start + self.pairs[start..].partition_point(|pair| pair.0 == user);
        self.pairs[start..end].iter().map(|pair| pair.1)
    }
}

/// Gives each movie of the tail to a user, in proportion to the users' activity: whoever rates much gets off
/// the beaten track. O(movies log movies + users).
pub(super) fn assign(shape: &Shape, activity: &[u32], catalogue: &Catalogue) -> Discoveries {
    let mut tail: Vec<u32> = (0u32..)
        .zip(&catalogue.popularity)
        .filter(|&(_, share)| share * (shape.ratings as f64) < EXPECTED)
        .map(|(movie, _)| movie)
        .collect();
    tail.shuffle(&mut rng(shape.seed, Stream::Discovery));
    let most = usize::try_from(shape.ratings / SPARSITY).unwrap_or(usize::MAX);
    tail.truncate(most);

    // Discovery k belongs to whoever gives rating k * stride: no user gets more than their activity.
    let stride = shape.ratings / (tail.len() as u64).max(1);
    let mut pairs = Vec::with_capacity(tail.len());
    let (mut given, mut users) = (0, (0u32..).zip(activity));
    let mut user = 0;
    for (movie, rating) in tail.into_iter().zip((0..).step_by(stride as usize)) {
        while given <= rating {
            let Some((next, &count)) = users.next() else { break };
            user = next;
            given += u64::from(count);
        }
        pairs.push((user, movie));
    }
    pairs.sort_unstable();
    Discoveries { pairs }
}
