//! `pipeline verify`: checks the lists of a generation, from the generation alone.
//!
//! A sample of users is scored again from the stored factors, one movie after another, by a plain loop that
//! shares nothing with [`scoring`], and each stored list is compared with these scores and with the stored
//! history: see [`Candidates::check`]. Opening the generation checks before that the files are those that the run wrote.
//! The quality of the factors is measured by [`evaluation`].

mod candidates;
mod stored;

use std::num::NonZeroUsize;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use store::{DenyList, GenerationId, MovieId, UserId};

use crate::checks::Denial;
use crate::error::Result;
use crate::generations::{self, Place};
pub use candidates::Candidates;
pub use stored::Stored;

/// The cache of the generation's pages. It is small, as users are looked up once, in order.
const CACHE_BYTES: u64 = 64 << 20;

/// The settings of a verification.
#[derive(Debug, Clone)]
pub struct VerifySettings {
    /// The repository and the work directory.
    pub place: Place,
    /// The generation; `None` for the published one.
    pub generation: Option<GenerationId>,
    /// The number of users in the sample.
    pub n_users: NonZeroUsize,
    /// The seed of the sample.
    pub seed: u64,
    /// The users and movies that must not be stored, if any.
    pub deny_list: Option<DenyList>,
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The generation.
    pub generation: GenerationId,
    /// Whether everything is correct.
    pub ok: bool,
    /// The users with a list.
    pub users: usize,
    /// The users of the sample.
    pub users_verified: usize,
    /// The candidates.
    pub movies: usize,
    /// Entries of the lists of the sample.
    pub entries: usize,
    /// The greatest distance of a stored score from the dot product in f64.
    pub largest_rounding: f64,
    /// The first thing wrong with each user, by ascending id.
    pub faults: Vec<UserFault>,
    /// The result of the search for denied users and movies; `None` without a deny list.
    pub denied: Option<Denial>,
}

/// A fault of a user's records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserFault {
    /// The user.
    pub user: UserId,
    /// The movie, if the fault is about one.
    pub movie: Option<MovieId>,
    /// The fault as a sentence.
    pub fault: String,
}

/// Opens a generation, which checks every file of its records, and verifies the lists of a sample of its users. With a
/// deny list it also searches the lists of all users for denied ids.
///
/// Cost: n_users * n_movies * n_factors multiplications. Memory: the candidates' factors, and a score for each of
/// them a thread.
///
/// # Errors
/// [`Error::NothingPublished`](crate::Error::NothingPublished); [`Error::Store`](crate::Error::Store), with
/// [`store::Error::Damaged`] for a damaged file. A wrong list is not an error but a fault of the result.
pub fn verify(settings: &VerifySettings) -> Result<Verification> {
    let repository = settings.place.open()?;
    let id = match &settings.generation {
        Some(id) => id.clone(),
        None => generations::published(&repository)?,
    };
    let generation = repository.open_generation(&id, &settings.place.work, CACHE_BYTES)?;
    let tables = generation.tables();
    let users: Vec<UserId> = tables.users().collect::<store::Result<_>>()?;
    let candidates = Candidates::of(tables)?;
    let depth = usize::try_from(generation.manifest().account.counts.depth).unwrap_or(usize::MAX);

    let drawn = draw(&users, settings.n_users.get(), settings.seed);
    let checks: Vec<_> = drawn
        .par_iter()
        .map(|&user| Ok((user, Stored::of(tables, user)?.and_then(|s| candidates.check(&s, depth)))))
        .collect::<store::Result<_>>()?;

    let denied = settings.deny_list.as_ref();
    let denied = denied.map(|deny| Denial::of(deny, tables, &users)).transpose()?;
    let mut verification = Verification {
        generation: id,
        ok: denied.as_ref().is_none_or(|denial| denial.found.is_none()),
        users: users.len(),
        users_verified: drawn.len(),
        movies: candidates.len(),
        entries: 0,
        largest_rounding: 0.0,
        faults: Vec::new(),
        denied,
    };
    for (user, check) in checks {
        match check {
            Ok(list) => {
                verification.entries += list.entries;
                verification.largest_rounding = verification.largest_rounding.max(list.largest_rounding);
            }
            Err(fault) => {
                verification.ok = false;
                let (movie, fault) = (fault.movie(), fault.to_string());
                verification.faults.push(UserFault { user, movie, fault });
            }
        }
    }
    Ok(verification)
}

/// Draws `n` users, ids ascending; all where there are no more.
fn draw(users: &[UserId], n: usize, seed: u64) -> Vec<UserId> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let drawn = index::sample(&mut rng, users.len(), n.min(users.len()));
    let mut drawn: Vec<_> = drawn.into_iter().map(|place| users[place]).collect();
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_users_again_and_no_more_than_there_are() {
        let users: Vec<_> = (0..500).map(|n| UserId::new(n * 3)).collect();
        let drawn = draw(&users, 20, 7);
        assert_eq!(drawn, draw(&users, 20, 7));
        assert_ne!(drawn, draw(&users, 20, 8));
        assert!(drawn.len() == 20 && drawn.is_sorted_by(|a, b| a < b));
        assert_eq!(draw(&users, 1000, 7), users);
    }
}
