//! The size of a data set, and the possible sizes.

use super::activity;
use crate::error::{Error, Result};

/// The fewest movies: half of them must suffice for the fewest ratings of a user.
const FEWEST_MOVIES: u32 = 2 * activity::FEWEST;

/// The most movies whose ids, which ascend in growing gaps, fit 32 bits.
const MOST_MOVIES: u32 = 100_000_000;

/// The largest share of faulty rows.
const MOST_DIRT: f64 = 0.5;

/// The size and the properties of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Users, with the ids from 1.
    pub users: u32,
    /// Movies, with ids that ascend in growing gaps.
    pub movies: u32,
    /// Well-formed ratings, each of a distinct pair of user and movie.
    pub ratings: u64,
    /// The seed of all random streams.
    pub seed: u64,
    /// Faulty rows for each well-formed one, 0 to 0.5, in addition to these. Cleaning yields exactly the well-formed
    /// ratings, except those that a later duplicate replaces.
    pub dirt: f64,
}

impl Shape {
    /// The most ratings of one user: half of the catalogue, as in ML-25M.
    pub(super) fn most_by_one_user(&self) -> u32 {
        self.movies / 2
    }

    /// Checks that a data set of this shape is possible.
    ///
    /// # Errors
    /// [`Error::Setting`] with the option to change and its allowed values.
    pub fn check(&self) -> Result<()> {
        let users = u64::from(self.users);
        let fewest = users * u64::from(activity::FEWEST);
        let most = users * u64::from(self.most_by_one_user());
        if self.users == 0 {
            return Err(setting("--users", self.users, "give at least 1".to_owned()));
        }
        if !(FEWEST_MOVIES..=MOST_MOVIES).contains(&self.movies) {
            let right = format!("give {FEWEST_MOVIES} to {MOST_MOVIES}");
            return Err(setting("--movies", self.movies, right));
        }
        if !(fewest..=most).contains(&self.ratings) {
            let right = format!(
                "give {fewest} to {most}: each of the {} users has at least {} ratings and at most one for \
                 every second of the {} movies",
                self.users,
                activity::FEWEST,
                self.movies
            );
            return Err(setting("--ratings", self.ratings, right));
        }
        if !(0.0..=MOST_DIRT).contains(&self.dirt) {
            let right = format!("give a share from 0 to {MOST_DIRT}");
            return Err(setting("--dirt", self.dirt, right));
        }
        Ok(())
    }
}

fn setting(name: &'static str, value: impl ToString, problem: String) -> Error {
    Error::Setting { name, value: value.to_string(), problem }
}
