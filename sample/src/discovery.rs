//! The users who rate the least popular movies.
//!
//! ML-25M has 59,047 rated movies, many with a single rating. A draw by popularity alone would miss some of them, so
//! each unpopular movie is assigned to one user in advance.

use rand::seq::SliceRandom;

use super::catalogue::Catalogue;
use super::{Shape, Stream, rng};

/// A movie with a smaller expected number of ratings is assigned to a user.
const EXPECTED: f64 = 25.0;

/// At most one rating in this many is assigned in advance; more unpopular movies may stay unrated.
const SPARSITY: u64 = 4;

/// The assigned movies of each user.
#[derive(Debug)]
pub(super) struct Discoveries {
    /// Pairs of user and movie, both as indices; sorted.
    pairs: Vec<(u32, u32)>,
}

impl Discoveries {
    /// The movies assigned to a user, as ascending indices; at most as many as the user has ratings.
    pub(super) fn of(&self, user: u32) -> impl ExactSizeIterator<Item = u32> {
        let start = self.pairs.partition_point(|pair| pair.0 < user);
        let end = start + self.pairs[start..].partition_point(|pair| pair.0 == user);
        self.pairs[start..end].iter().map(|pair| pair.1)
    }
}

/// Assigns each unpopular movie to a user, in proportion to the users' numbers of ratings. O(movies log movies +
/// users).
pub(super) fn assign(shape: &Shape, activity: &[u32], catalogue: &Catalogue) -> Discoveries {
    let mut tail: Vec<u32> = (0u32..)
        .zip(&catalogue.popularity)
        .filter(|&(_, share)| share * (shape.ratings as f64) < EXPECTED)
        .map(|(movie, _)| movie)
        .collect();
    tail.shuffle(&mut rng(shape.seed, Stream::Discovery));
    let most = usize::try_from(shape.ratings / SPARSITY).unwrap_or(usize::MAX);
    tail.truncate(most);

    // Movie k is assigned to the user of rating k * stride, so no user gets more than their number of ratings.
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
