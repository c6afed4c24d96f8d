//! What makes a list right, and what may be wrong with one.

use std::cmp::Ordering;

use store::records::{Factors, History, TopN};
use store::{MovieId, Tables, UserId};

use super::candidates::{self, Candidates};

/// All that is stored of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The list.
    pub top_n: TopN,
    /// The movies that the user has rated.
    pub history: History,
    /// The factors.
    pub factors: Factors,
}

/// What was seen of a list that is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checked {
    /// Its length.
    pub(super) entries: usize,
    /// The greatest distance of a score from the dot product in f64.
    pub(super) largest_rounding: f64,
}

/// What is wrong with a user's records.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A user has one record and lacks another.
    #[error("there is a list but no {missing}")]
    Missing {
        /// The kind of record.
        missing: &'static str,
    },
    /// A history's ids do not ascend.
    #[error("movie {0} is out of order in the history")]
    HistoryOrder(MovieId),
    /// The factors of user and movie do not go together.
    #[error("movie {movie} has another number of factors than the user, who has {n_factors}")]
    FactorCount {
        /// The movie.
        movie: MovieId,
        /// The number of the user's.
        n_factors: usize,
    },
    /// The user has rated a movie of the list.
    #[error("movie {0} is in the list and in the history")]
    Seen(MovieId),
    /// A movie of the list has no factors.
    #[error("movie {0} is in the list and has no factors")]
    NoCandidate(MovieId),
    /// A list is shorter or longer than it should be.
    #[error(
        "the list has {found} movies instead of {expected}: the lists of this generation have {depth}, and {unseen} are unseen"
    )]
    Length {
        /// The entries.
        found: usize,
        /// What they should be.
        expected: usize,
        /// The length of a list where there are so many candidates.
        depth: usize,
        /// The candidates that the user has not rated.
        unseen: usize,
    },
    /// A stored score is not that of the stored factors.
    #[error("movie {movie} is stored with the score {found:e}, its factors give {expected:e}")]
    Score {
        /// The movie.
        movie: MovieId,
        /// The stored score.
        found: f32,
        /// The score by the definition.
        expected: f32,
    },
    /// A score is farther from the dot product than rounding explains.
    #[error("movie {movie} has the score {found:e}, in f64 {expected:e}; rounding explains {tolerance:e}")]
    Rounding {
        /// The movie.
        movie: MovieId,
        /// The stored score.
        found: f32,
        /// The dot product.
        expected: f64,
        /// How far apart they may be.
        tolerance: f64,
    },
    /// Two neighbours stand in the wrong order, or are the same.
    #[error("movie {movie} (score {score:e}) stands behind movie {before} (score {score_before:e})")]
    Order {
        /// The later.
        movie: MovieId,
        /// Its score.
        score: f32,
        /// The earlier.
        before: MovieId,
        /// Its score.
        score_before: f32,
    },
    /// A movie belongs into the list and is not there.
    #[error(
        "movie {movie} (score {score:e}) is left out, the last of the list is movie {last} (score {score_of_last:e})"
    )]
    LeftOut {
        /// The movie.
        movie: MovieId,
        /// Its score.
        score: f32,
        /// The last of the list.
        last: MovieId,
        /// Its score.
        score_of_last: f32,
    },
}

impl Fault {
    /// The movie that it is about.
    #[must_use]
    pub fn movie(&self) -> Option<MovieId> {
        match *self {
            Self::Missing { .. } | Self::Length { .. } => None,
            Self::HistoryOrder(movie) | Self::Seen(movie) | Self::NoCandidate(movie) => Some(movie),
            Self::FactorCount { movie, .. }
            | Self::Score { movie, .. }
            | Self::Rounding { movie, .. }
            | Self::Order { movie, .. }
            | Self::LeftOut { movie, .. } => Some(movie),
        }
    }
}

impl Stored {
    /// Looks up a user who has a list; the inner error is that a record is missing.
    ///
    /// # Errors
    /// Those of the store.
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

/// Checks what can be told of a list without scores: that it has no movie of the history and none but candidates
/// (`candidates` has their ids, ascending), that it is in the right order (score descending, then id ascending) and has
/// min(depth, unseen candidates) entries.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_list(
    top_n: &TopN,
    history: &History,
    candidates: &[MovieId],
    depth: usize,
) -> Result<(), Fault> {
    let seen = &history.movies;
    if let Some(pair) = seen.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(Fault::HistoryOrder(pair[1]));
    }
    for &movie in &top_n.movies {
        if seen.binary_search(&movie).is_ok() {
            return Err(Fault::Seen(movie));
        }
        if candidates.binary_search(&movie).is_err() {
            return Err(Fault::NoCandidate(movie));
        }
    }
    in_order(top_n)?;
    let n_seen = seen.iter().filter(|movie| candidates.binary_search(movie).is_ok()).count();
    let unseen = candidates.len() - n_seen;
    let (found, expected) = (top_n.movies.len(), depth.min(unseen));
    if found != expected {
        return Err(Fault::Length { found, expected, depth, unseen });
    }
    Ok(())
}

impl Candidates {
    /// Checks a list as [`check_list`] does, and that it has the scores of its movies (to the bit, and near the dot
    /// product in f64), and that no unseen candidate that is not in it belongs before its last.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, stored: &Stored, depth: usize) -> Result<Checked, Fault> {
        let Stored { top_n, history, factors } = stored;
        check_list(top_n, history, self.movies(), depth)?;
        let n_factors = factors.0.len();
        if let Some(movie) = self.misfit(n_factors) {
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
            // Not a number is not near either.
            if rounding.partial_cmp(&tolerance).is_none_or(Ordering::is_gt) {
                return Err(Fault::Rounding { movie, found, expected, tolerance });
            }
            largest_rounding = largest_rounding.max(rounding);
        }
        self.none_left_out(stored)?;
        Ok(Checked { entries: top_n.movies.len(), largest_rounding })
    }

    /// Checks that every candidate before the last of the list is in the list or seen.
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

/// Checks that each entry comes after the one before it, which also makes each a movie of its own.
fn in_order(TopN { movies, scores, .. }: &TopN) -> Result<(), Fault> {
    let entries: Vec<_> = movies.iter().copied().zip(scores.iter().copied()).collect();
    for pair in entries.windows(2) {
        let [(before, score_before), (movie, score)] = [pair[0], pair[1]];
        if best_first(pair[0], pair[1]).is_ge() {
            return Err(Fault::Order { movie, score, before, score_before });
        }
    }
    Ok(())
}

/// The order of a list: score descending, then id ascending.
fn best_first(a: (MovieId, f32), b: (MovieId, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}
