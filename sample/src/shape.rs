//! The size of a data set, and the possible sizes.

use limits::{Limits, Refused};

use super::activity;
use crate::error::Result;

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

    /// The limits of [`users`](Self::users).
    pub const USERS: Limits<u32> = Limits::at_least(1);
    /// The limits of [`movies`](Self::movies): half of them must suffice for the fewest ratings of a user, and their ids,
    /// which ascend in growing gaps, must fit 32 bits.
    pub const MOVIES: Limits<u32> = Limits::of(2 * activity::FEWEST, 100_000_000);
    /// The limits of [`dirt`](Self::dirt).
    pub const DIRT: Limits<f64> = Limits::of(0.0, 0.5);

    /// Checks that a data set of this shape is possible.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) with the option to change and its allowed values.
    pub fn check(&self) -> Result<()> {
        Self::USERS.check("--users", self.users)?;
        Self::MOVIES.check("--movies", self.movies)?;
        Self::DIRT.check("--dirt", self.dirt)?;
        let (fewest_each, most_each) = (activity::FEWEST, self.most_by_one_user());
        let [fewest, most] = [fewest_each, most_each].map(|each| u64::from(self.users) * u64::from(each));
        if (fewest..=most).contains(&self.ratings) {
            return Ok(());
        }
        let allowed = if fewest == most { format!("{fewest}") } else { format!("{fewest} to {most}") };
        let problem = format!(
            "give {allowed}: a user has {fewest_each} ratings or more, and at most {most_each} with {} movies; or give other \
             --users and --movies",
            self.movies
        );
        Err(Refused::new("--ratings", self.ratings, problem).into())
    }
}
