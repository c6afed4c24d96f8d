//! The ratings of an evaluation, and the rule by which ratings are held out.
//!
//! Times are used here and then dropped. Two files become one matrix with a mask, so that no other module depends on
//! the origin of a split.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use interactions::Csr;
use interactions::Vocabulary;
use interactions::{Ratings, Scale};
use progress::{Progress, Unit};
use reading::{InputFile, read_numbered};
use store::manifest::Rows;

use super::split::NewestSplit;
use super::{HeldOut, SplitRule, split};
use crate::error::{Error, Result};

/// All ratings, held out or not.
#[derive(Debug)]
pub(super) struct Data {
    /// By user (n_users x n_items).
    pub by_user: Csr,
    /// The numbering of the rows (users) and columns (candidates).
    pub vocabulary: Vocabulary,
    /// The account of the rows of each file, by path.
    pub rows: BTreeMap<String, Rows>,
    rule: Rule,
}

/// The rule by which ratings are held out.
#[derive(Debug)]
enum Rule {
    /// This share at random, by a seed.
    Random { test_fraction: f64 },
    /// This share of each user's ratings, the newest. The times are by cell of the matrix.
    Newest { test_fraction: f64, timestamps: Vec<i64> },
    /// A mask over the cells of the matrix.
    Known(Vec<bool>),
}

impl Data {
    /// Reads the files of an evaluation.
    ///
    /// # Errors
    /// [`Error::Reading`], [`Error::Setting`] for a split by time of ratings without times, and [`Error::Holdout`] for two
    /// files that do not belong together.
    pub(super) fn read(held_out: &HeldOut, scale: Scale, progress: Progress) -> Result<Self> {
        match held_out {
            HeldOut::Share { ratings, by, test_fraction, .. } => {
                let (clean, vocabulary) = read_numbered(&InputFile::open(ratings)?, scale, None, progress)?;
                let by_user = Csr::by_user(&clean.ratings, &vocabulary);
                let test_fraction = *test_fraction;
                let rule = match by {
                    SplitRule::Random => Rule::Random { test_fraction },
                    SplitRule::Newest => {
                        check_times(&clean.rows, ratings)?;
                        Rule::Newest { test_fraction, timestamps: clean.ratings.timestamps }
                    }
                };
                let rows = BTreeMap::from([(ratings.display().to_string(), clean.rows)]);
                Ok(Self { by_user, vocabulary, rows, rule })
            }
            HeldOut::Files { train, test } => Self::read_files(train, test, scale, progress),
        }
    }

    /// Reads one file to train on and one to test.
    fn read_files(train: &Path, test: &Path, scale: Scale, progress: Progress) -> Result<Self> {
        let (to_train, trained) = read_numbered(&InputFile::open(train)?, scale, None, progress)?;
        let bar = progress.bar("reading", Unit::Bytes);
        let to_test = reading::read_ratings(&InputFile::open(test)?, scale, &bar)?;
        bar.finish_and_clear();
        let rows = BTreeMap::from([
            (train.display().to_string(), to_train.rows),
            (test.display().to_string(), to_test.rows.clone()),
        ]);
        let refuse = |problem| Error::Holdout { train: train.into(), test: test.into(), problem };
        if to_test.ratings.is_empty() {
            let rejected = to_test.rows.rejected;
            return Err(refuse(format!(
                "cleaning leaves none of its ratings ({rejected} rows were rejected)"
            )));
        }
        check_overlap(&trained, &to_test.ratings).map_err(refuse)?;
        let (ratings, is_test) = join(&to_train.ratings, &to_test.ratings).map_err(refuse)?;
        let vocabulary = Vocabulary::of(&ratings);
        let by_user = Csr::by_user(&ratings, &vocabulary);
        Ok(Self { by_user, vocabulary, rows, rule: Rule::Known(is_test) })
    }

    /// Marks the cells of the matrix that are held out, and counts those that were drawn among ratings of the same time.
    ///
    /// # Errors
    /// [`Error::Setting`] for a share that leaves no test or no training ratings.
    pub(super) fn hold_out(&self, seed: u64) -> Result<(Cow<'_, [bool]>, usize)> {
        match &self.rule {
            Rule::Random { test_fraction } => {
                Ok((split::random(&self.by_user, *test_fraction, seed)?.into(), 0))
            }
            Rule::Newest { test_fraction, timestamps } => {
                let NewestSplit { is_test, n_drawn } =
                    split::newest(&self.by_user, timestamps, *test_fraction, seed)?;
                Ok((is_test.into(), n_drawn))
            }
            Rule::Known(is_test) => Ok((is_test.into(), 0)),
        }
    }
}

/// Checks that a split by time is possible, and warns of ratings without a time.
fn check_times(rows: &Rows, path: &Path) -> Result<()> {
    let (n, n_ratings, path) = (rows.without_timestamp, rows.kept, path.display());
    if n == n_ratings {
        let problem =
            format!("none of the ratings of {path} has a readable time (a number since 1970, or ISO 8601)");
        return Err(Error::setting("--split", "newest", problem));
    }
    if n > 0 {
        tracing::warn!("{n} of {n_ratings} ratings of {path} have no readable time and count as the oldest");
    }
    Ok(())
}

/// Checks that a model of the trained users and movies can predict any rating of `test`; returns the problem otherwise.
fn check_overlap(trained: &Vocabulary, test: &Ratings) -> Result<(), String> {
    if !test.users.iter().any(|user| trained.users().binary_search(user).is_ok()) {
        return Err("the files have no user in common; use the same user ids in both".to_owned());
    }
    if !test.movies.iter().any(|movie| trained.items().binary_search(movie).is_ok()) {
        return Err("the files have no movie in common; use the same movie ids in both".to_owned());
    }
    Ok(())
}

/// Merges two tables, each sorted by user and movie, into one sorted table, and marks the rows of `test`.
fn join(train: &Ratings, test: &Ratings) -> Result<(Ratings, Vec<bool>), String> {
    let key = |ratings: &Ratings, row: usize| Some((*ratings.users.get(row)?, *ratings.movies.get(row)?));
    let mut joined = Ratings::with_capacity(train.len() + test.len());
    let mut is_test = Vec::with_capacity(train.len() + test.len());
    let (mut of_train, mut of_test) = (0, 0);
    loop {
        let (from, row) = match (key(train, of_train), key(test, of_test)) {
            (None, None) => return Ok((joined, is_test)),
            (Some(one), Some(other)) if one == other => {
                let (user, movie) = one;
                return Err(format!(
                    "both files have the rating of movie {movie} by user {user}; \
                     remove it from one of them"
                ));
            }
            (Some(one), other) if other.is_none_or(|other| one < other) => (train, &mut of_train),
            _ => (test, &mut of_test),
        };
        joined.push(from.at(*row));
        is_test.push(std::ptr::eq(from, test));
        *row += 1;
    }
}

#[cfg(test)]
mod tests {
    use interactions::Rating;
    use proptest::prelude::*;
    use store::{MovieId, UserId};

    use super::*;

    fn table<'a>(pairs: impl IntoIterator<Item = &'a (u32, u32)>) -> Ratings {
        let rating = |&(user, movie): &(u32, u32)| {
            let (stars, timestamp) = ((user * 100 + movie) as f32, i64::from(movie));
            Rating { user: UserId::new(user), movie: MovieId::new(movie), stars, timestamp }
        };
        pairs.into_iter().map(rating).collect()
    }

    proptest! {
        #[test]
        fn two_tables_are_joined_into_one_sorted_table_with_the_test_rows_marked(
            pairs in prop::collection::btree_map((0u32..9, 0u32..9), any::<bool>(), 0..60),
        ) {
            let part = |test| table(pairs.iter().filter(|pair| *pair.1 == test).map(|pair| pair.0));
            let (joined, is_test) = join(&part(false), &part(true)).unwrap();
            prop_assert_eq!(joined, table(pairs.keys()));
            prop_assert_eq!(is_test, pairs.values().copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_split_by_time_of_ratings_without_times_is_an_error() {
        let rows = |without_timestamp| Rows { kept: 30, without_timestamp, ..Rows::default() };
        let error = check_times(&rows(30), Path::new("r.csv")).unwrap_err().to_string();
        assert!(error.contains("--split cannot be newest") && error.contains("r.csv"), "{error}");
        assert!(check_times(&rows(29), Path::new("r.csv")).is_ok());
        assert!(check_times(&rows(0), Path::new("r.csv")).is_ok());
    }

    #[test]
    fn a_rating_in_both_files_is_an_error_with_its_ids() {
        let problem = join(&table(&[(1, 2), (3, 4)]), &table(&[(2, 2), (3, 4)])).unwrap_err();
        assert!(problem.contains("movie 4 by user 3"), "{problem}");
    }

    #[test]
    fn files_without_a_common_user_or_movie_are_an_error() {
        let trained = Vocabulary::of(&table(&[(1, 2), (3, 4)]));
        assert!(check_overlap(&trained, &table(&[(2, 2)])).unwrap_err().contains("no user"));
        assert!(check_overlap(&trained, &table(&[(1, 3)])).unwrap_err().contains("no movie"));
        assert!(check_overlap(&trained, &table(&[(1, 4), (9, 9)])).is_ok());
    }
}
