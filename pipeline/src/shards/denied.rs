//! The denied ids of a job, as executors look them up.
//!
//! The plan of a job stays in the repository while its shards are computed, and longer after a failed run. It holds a
//! salted hash in place of each id, so that deleted users cannot be read off it. The ids are numbers of 32 bits, so the
//! hashes do not stop a search through all numbers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use store::{DenyList, GenerationId, MovieId, UserId};

/// The number of hexadecimal digits of a hash, two for each byte.
const DIGITS: usize = 32;

/// Keyed hashes of hidden movies and deleted users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeniedHashes(BTreeSet<String>);

impl DeniedHashes {
    /// Hashes the entries of a deny list. The generation of the job is the salt.
    #[must_use]
    pub fn new(deny: &DenyList, generation: &GenerationId) -> Self {
        let key = key(generation);
        let movies = deny.movies().map(|movie| hash_of_movie(&key, movie));
        let users = deny.users().map(|user| hash_of_user(&key, user));
        Self(movies.chain(users).collect())
    }

    /// Returns whether a user, or one of the movies that the user has rated, is denied. Cost: a hash for each, unless
    /// nothing is denied.
    #[must_use]
    pub fn denies(&self, generation: &GenerationId, user: UserId, movies: &[MovieId]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let key = key(generation);
        let is_hidden = |&movie: &MovieId| self.0.contains(&hash_of_movie(&key, movie));
        self.0.contains(&hash_of_user(&key, user)) || movies.iter().any(is_hidden)
    }
}

/// Derives the key of the hashes.
fn key(generation: &GenerationId) -> [u8; 32] {
    blake3::derive_key("movie-recommender, denied ids of a job", generation.to_string().as_bytes())
}

fn hash_of_movie(key: &[u8; 32], movie: MovieId) -> String {
    hash(key, &format!("movie {movie}"))
}

fn hash_of_user(key: &[u8; 32], user: UserId) -> String {
    hash(key, &format!("user {user}"))
}

fn hash(key: &[u8; 32], entry: &str) -> String {
    let mut digits = blake3::keyed_hash(key, entry.as_bytes()).to_hex().to_string();
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn denied_ids_are_found_by_their_hashes_and_cannot_be_read() {
        let deny = DenyList::parse(Path::new("deny.txt"), b"user 4018273645\nmovie 3120984756\n").unwrap();
        let generation = |id: &str| id.parse::<GenerationId>().unwrap();
        let job = generation("20261123T023000.125Z");
        let hashes = DeniedHashes::new(&deny, &job);
        let (deleted, hidden) = (UserId::new(4_018_273_645), MovieId::new(3_120_984_756));
        assert!(hashes.denies(&job, deleted, &[]));
        assert!(hashes.denies(&job, UserId::new(1), &[MovieId::new(1), hidden]));
        // The hashes of a user and a movie with one id differ, and so do those of two jobs.
        assert!(!hashes.denies(&job, UserId::new(hidden.get()), &[MovieId::new(deleted.get())]));
        let other = generation("20261124T023000.125Z");
        assert!(!hashes.denies(&other, deleted, &[hidden]));
        assert!(DeniedHashes::new(&deny, &other).0.is_disjoint(&hashes.0));
        let text = serde_json::to_string(&hashes).unwrap();
        assert!(!text.contains("4018273645") && !text.contains("3120984756"), "{text}");
        assert_eq!(serde_json::from_str::<DeniedHashes>(&text).unwrap(), hashes);
    }
}
