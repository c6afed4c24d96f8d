//! The sample of the input of a run: some users, ratings and movies, chosen by a hash of their ids.
//!
//! The gate of a later run looks each of them up in its own input, which says how much of the site is still there. The
//! choice depends on the ids alone, so two samples choose alike, and each is a fair one. A sample is bounded whatever the
//! size of the input: a part of it has a *level*, and holds what has a hash with so many leading zeros, the share
//! `2^-level` of all. The level is the least at which a part fits.
//!
//! A sample is a file of its generation, like the histories, and is removed with it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::{MovieId, UserId};

/// The name of the file in a generation.
pub const SAMPLE: &str = "sample.bin";
/// The greatest number of users in a sample.
const MOST_USERS: usize = 1 << 16;
/// The greatest number of ratings in a sample.
const MOST_RATINGS: usize = 1 << 15;
/// The greatest number of movies in a sample.
const MOST_MOVIES: usize = 1 << 14;

/// A sample of the users, ratings and movies of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Users with a rating, ids ascending.
    pub users: Part<UserId>,
    /// Ratings, ascending by user and movie.
    pub ratings: Part<SampledRating>,
    /// Movies with metadata, ids ascending.
    pub movies: Part<SampledMovie>,
    /// Whether the input of the run had times at all. Ratings that were cut into shards before a run have none.
    pub has_times: bool,
}

/// A part of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part<T> {
    /// The least number of leading zeros of a hash.
    pub level: u32,
    /// The chosen entries, ids ascending.
    pub chosen: Vec<T>,
}

/// A rating of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampledRating {
    /// The user.
    pub user: UserId,
    /// The movie.
    pub movie: MovieId,
    /// The stars.
    pub stars: f32,
    /// Seconds since 1970; `None` without a time.
    pub time: Option<i64>,
}

/// A movie of a sample. Title and genres are hashes: they are compared, never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledMovie {
    /// The movie.
    pub movie: MovieId,
    /// The hash of the title.
    pub title: u64,
    /// The hash of the genres, in their order.
    pub genres: u64,
}

/// An entry with a place in the order of a part, and a hash that decides whether it is chosen.
pub trait Sampled {
    /// The order in a part.
    type Key: Ord;
    /// The most that a part holds.
    const MOST: usize;

    /// The place in the order.
    fn key(&self) -> Self::Key;
    /// The hash of the ids.
    fn hash(&self) -> u64;
}

impl Sampled for UserId {
    type Key = Self;
    const MOST: usize = MOST_USERS;

    fn key(&self) -> Self {
        *self
    }

    fn hash(&self) -> u64 {
        mix(0x7573_6572 << 32 | u64::from(self.get()))
    }
}

impl Sampled for SampledRating {
    type Key = (UserId, MovieId);
    const MOST: usize = MOST_RATINGS;

    fn key(&self) -> (UserId, MovieId) {
        (self.user, self.movie)
    }

    fn hash(&self) -> u64 {
        mix(u64::from(self.user.get()) << 32 | u64::from(self.movie.get()))
    }
}

impl Sampled for SampledMovie {
    type Key = MovieId;
    const MOST: usize = MOST_MOVIES;

    fn key(&self) -> MovieId {
        self.movie
    }

    fn hash(&self) -> u64 {
        mix(0x6974_656d << 32 | u64::from(self.movie.get()))
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { level: 0, chosen: Vec::new() }
    }
}

impl<T: Sampled + Copy> Part<T> {
    /// Chooses from `all`, which is called twice and must ascend. Cost: two hashes for each element.
    #[must_use]
    pub fn choose<I: Iterator<Item = T>>(all: impl Fn() -> I) -> Self {
        let mut by_zeros = [0usize; 65];
        all().for_each(|one| by_zeros[one.hash().leading_zeros() as usize] += 1);
        let mut level = 0;
        let mut n: usize = by_zeros.iter().sum();
        while n > T::MOST {
            n -= by_zeros[level];
            level += 1;
        }
        let level = level as u32;
        Self { level, chosen: all().filter(|one| is_chosen(one, level)).collect() }
    }

    /// The entries with at least the given level, ascending.
    pub fn at(&self, level: u32) -> impl Iterator<Item = &T> {
        self.chosen.iter().filter(move |one| is_chosen(*one, level))
    }

    /// The chosen element of a key.
    pub fn get(&self, key: &T::Key) -> Option<&T> {
        let at = self.chosen.binary_search_by(|one| one.key().cmp(key)).ok()?;
        self.chosen.get(at)
    }

    /// How many of all elements each chosen one stands for.
    #[must_use]
    pub fn weight(level: u32) -> f64 {
        f64::exp2(f64::from(level))
    }

    /// Checks that all have the level and ascend.
    fn check(&self, what: &str) -> std::result::Result<(), String> {
        let ascends = self.chosen.windows(2).all(|pair| pair[0].key() < pair[1].key());
        if ascends && self.level <= 64 && self.chosen.iter().all(|one| is_chosen(one, self.level)) {
            return Ok(());
        }
        Err(format!("its {what} are out of order or not of level {}", self.level))
    }
}

/// Whether a hash has at least `level` leading zeros.
pub fn is_chosen<T: Sampled>(one: &T, level: u32) -> bool {
    one.hash().leading_zeros() >= level
}

impl SampledMovie {
    /// The movie with the hashes of its title and genres.
    #[must_use]
    pub fn of(id: MovieId, movie: &crate::records::Movie) -> Self {
        let mut genres = blake3::Hasher::new();
        for genre in &movie.genres {
            // The length keeps two genres apart from one with the same letters.
            genres.update(&(genre.len() as u64).to_le_bytes()).update(genre.as_bytes());
        }
        let short = |hash: blake3::Hash| hash.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes);
        Self {
            movie: id,
            title: short(blake3::hash(movie.title.as_bytes())),
            genres: short(genres.finalize()),
        }
    }
}

impl Sample {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Error::Encode`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        rmp_serde::to_vec(self).map_err(|e| Error::Encode { what: "sample", detail: e.to_string() })
    }

    /// Decodes the bytes of the file.
    ///
    /// # Errors
    /// A description of the damage, to which the caller adds the path.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let sample: Self = rmp_serde::from_slice(bytes).map_err(|e| e.to_string())?;
        sample.users.check("users")?;
        sample.ratings.check("ratings")?;
        sample.movies.check("movies")?;
        if sample.ratings.chosen.iter().any(|rating| !rating.stars.is_finite()) {
            return Err("it has stars that are not a number".to_owned());
        }
        Ok(sample)
    }
}

/// The finalizer of SplitMix64, a bijection whose every output bit depends on every input bit (Steele, Lea and Flood,
/// "Fast Splittable Pseudorandom Number Generators", 2014).
fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::Movie;

    fn users(n: u32) -> Part<UserId> {
        Part::choose(|| (0..n).map(UserId::new))
    }

    #[test]
    fn a_small_input_is_whole_and_a_large_one_is_bounded_and_fair() {
        assert_eq!((users(1_000).level, users(1_000).chosen.len()), (0, 1_000));
        let n = 3 << 16;
        let part = users(n);
        assert_eq!(part.level, 2);
        let expected = n as usize / 4;
        assert!(part.chosen.len().abs_diff(expected) < expected / 50, "{}", part.chosen.len());
        assert!(part.chosen.len() <= MOST_USERS);
    }

    #[test]
    fn samples_of_different_levels_agree_at_the_higher_one() {
        let (few, many) = (users(1_000), users(1 << 18));
        let of_few: Vec<_> = few.at(many.level).copied().collect();
        let of_many: Vec<_> = many.chosen.iter().copied().filter(|user| user.get() < 1_000).collect();
        assert!(!of_few.is_empty());
        assert_eq!(of_few, of_many);
    }

    #[test]
    fn two_genres_are_not_one_with_the_same_letters() {
        let of = |genres: &[&str]| {
            let genres = genres.iter().map(|&genre| genre.to_owned()).collect();
            SampledMovie::of(MovieId::new(1), &Movie { title: String::new(), genres }).genres
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&[]), of(&[""]));
    }

    #[test]
    fn a_sample_out_of_order_is_damaged() {
        let mut sample = Sample { users: users(10), ..Sample::default() };
        sample.users.chosen.swap(2, 3);
        let problem = Sample::decode(&sample.encode().unwrap()).unwrap_err();
        assert!(problem.contains("users are out of order"), "{problem}");
    }

    proptest! {
        #[test]
        fn a_sample_is_read_back_as_it_was_written(
            pairs in prop::collection::btree_map((0u32..9, 0u32..9), (0.5f32..5.0, prop::option::of(any::<i64>())), 0..40),
            has_times: bool,
        ) {
            let rating = |(&(user, movie), &(stars, time)): (&(u32, u32), &(f32, Option<i64>))| {
                SampledRating { user: UserId::new(user), movie: MovieId::new(movie), stars, time }
            };
            let sample = Sample {
                users: users(20),
                ratings: Part::choose(|| pairs.iter().map(rating)),
                movies: Part::choose(|| (0..5).map(|id| SampledMovie { movie: MovieId::new(id), title: 7, genres: 9 })),
                has_times,
            };
            prop_assert_eq!(Sample::decode(&sample.encode().unwrap()), Ok(sample));
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Sample::decode(&bytes);
        }
    }
}
