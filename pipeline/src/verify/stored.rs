//! Checks of a stored list against the stored factors.

use std::cmp::Ordering;

use store::records::{Factors, History, TopN};
use store::{Tables, UserId};

use super::candidates::{self, Candidates};
use crate::checks::{Fault, best_first, check_list};

/// The records of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The list.
    pub top_n: TopN,
    /// The rated movies.
    pub history: History,
    /// The factors.
    pub factors: Factors,
}

/// The figures of a correct list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checked {
    /// Its length.
    pub(super) entries: usize,
    /// The largest distance of a score from the dot product in f64.
    pub(super) largest_rounding: f64,
}

impl Stored {
    /// Looks up a user with a list. The inner error is a missing record.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub fn of(tables: &Tables, user: UserId) -> store::Result<Result<Self, Fault>> {
        let (top_n, history) = (tables.top_n(user)?, tables.history(user)?);
        Ok(match (top_n, history, tables.user_factors(user)?) {
            (Some(top_n), Some(history), Some(factors)) => Ok(Self { top_n, history, factors }),
            (None, _, _) => Err(Fault::Missing { missing: "readable list" }),
            (_, None, _) => Err(Fault::Missing { missing: "history" }),
            (_, _, None) => Err(Fault::Missing { missing: "factors" }),
        })
    }
}

impl Candidates {
    /// Checks a list as [`check_list`] does. Checks that its scores are those of its movies, to the bit and near the dot
    /// product in f64, and that no unseen candidate with a better score was left out.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self, stored: &Stored, depth: usize) -> Result<Checked, Fault> {
        let Stored { top_n, history, factors } = stored;
        check_list(top_n, history, self.movies(), depth)?;
        let n_factors = factors.0.len();
        if let Some(movie) = self.first_with_other_length(n_factors) {
            return Err(Fault::FactorCount { movie, n_factors });
        }
        let mut largest_rounding = 0.0f64;
        for (&movie, &found) in top_n.movies.iter().zip(&top_n.scores) {
            let item = self.factors(movie).ok_or(Fault::NoCandidate(movie))?;
            let expected = candidates::score(factors, item);
            if found.to_bits() != expected.to_bits() {
                return Err(Fault::Score { movie, found, expected });
            }
            let candidates::Reference { score: expected, tolerance } = candidates::reference(factors, item);
            let rounding = (f64::from(found) - expected).abs();
            // NaN is not near either.
            if rounding.partial_cmp(&tolerance).is_none_or(Ordering::is_gt) {
                return Err(Fault::Rounding { movie, found, expected, tolerance });
            }
            largest_rounding = largest_rounding.max(rounding);
        }
        self.none_left_out(stored)?;
        Ok(Checked { entries: top_n.movies.len(), largest_rounding })
    }

    /// Checks that every candidate with a better score than the last entry is in the list or seen.
    fn none_left_out(&self, Stored { top_n, history, factors }: &Stored) -> Result<(), Fault> {
        let (Some(&last), Some(&score_of_last)) = (top_n.movies.last(), top_n.scores.last()) else {
            return Ok(());
        };
        for (&movie, score) in self.movies().iter().zip(self.scores(factors)) {
            if best_first((movie, score), (last, score_of_last)).is_lt()
                && history.movies.binary_search(&movie).is_err()
                && !top_n.movies.contains(&movie)
            {
                return Err(Fault::LeftOut { movie, score, last, score_of_last });
            }
        }
        Ok(())
    }
}
