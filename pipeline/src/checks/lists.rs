//! The faults that a list may have, and the checks of a list that compute no scores.

use std::cmp::Ordering;

use store::MovieId;
use store::records::{History, TopN};

/// A fault of a user's records.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A user has a list and lacks another record.
    #[error("there is a list but no {missing}")]
    Missing {
        /// The kind of record.
        missing: &'static str,
    },
    /// The ids of a history do not ascend.
    #[error("movie {0} is out of order in the history")]
    HistoryOrder(MovieId),
    /// The factors of user and movie have different lengths.
    #[error("movie {movie} has another number of factors than the user, who has {n_factors}")]
    FactorCount {
        /// The movie.
        movie: MovieId,
        /// The number of the user's factors.
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
        /// The number that there should be.
        expected: usize,
        /// The length of a list where there are enough candidates.
        depth: usize,
        /// The candidates that the user has not rated.
        unseen: usize,
    },
    /// A stored score is not the score of the stored factors.
    #[error("movie {movie} is stored with the score {found:e}, its factors give {expected:e}")]
    Score {
        /// The movie.
        movie: MovieId,
        /// The stored score.
        found: f32,
        /// The score of the factors.
        expected: f32,
    },
    /// The distance of a score from the dot product is larger than rounding explains.
    #[error("movie {movie} has the score {found:e}, in f64 {expected:e}; rounding explains {tolerance:e}")]
    Rounding {
        /// The movie.
        movie: MovieId,
        /// The stored score.
        found: f32,
        /// The dot product.
        expected: f64,
        /// The largest distance that rounding explains.
        tolerance: f64,
    },
    /// Two neighboring entries are in the wrong order, or the same.
    #[error("movie {movie} (score {score:e}) stands behind movie {before} (score {score_before:e})")]
    Order {
        /// The later entry.
        movie: MovieId,
        /// Its score.
        score: f32,
        /// The earlier entry.
        before: MovieId,
        /// Its score.
        score_before: f32,
    },
    /// An unseen movie with a better score is not in the list.
    #[error(
        "movie {movie} (score {score:e}) is left out, the last of the list is movie {last} (score {score_of_last:e})"
    )]
    LeftOut {
        /// The movie.
        movie: MovieId,
        /// Its score.
        score: f32,
        /// The last entry of the list.
        last: MovieId,
        /// Its score.
        score_of_last: f32,
    },
}

impl Fault {
    /// Returns the movie that the fault is about, if any.
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

/// Checks a list without computing scores: it has only candidates (`candidates` has their ids, ascending) and no movie of
/// the history, is in order (score descending, then id ascending) and has min(depth, unseen candidates) entries.
///
/// # Errors
/// The first fault.
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

/// Checks that the entries are in order. Entries in strict order are also distinct.
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

/// Compares two entries in the order of a list: score descending, then id ascending.
pub(crate) fn best_first(a: (MovieId, f32), b: (MovieId, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}
