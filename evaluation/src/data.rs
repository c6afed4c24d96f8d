//! The ratings of an evaluation, and what says which of them are held out.
//!
//! Times are looked at here and then forgotten. Two files become one matrix with a mask, so that nothing
//! beyond this module knows where a split came from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use interactions::Csr;
use interactions::Vocabulary;
use interactions::{Ratings, Scale};
use progress::{Progress, Unit};
use reading::{InputFile, read_numbered};
use store::manifest::Rows;

use super::{By, HeldOut, split};
use crate::error::{Error, Result};

/// All ratings, held out or not.
#[derive(Debug)]
pub(super) struct Data {
    /// By user (n_users x n_items).
    pub by_user: Csr,
    /// The candidates.
    pub n_items: usize,
    /// What cleaning made of the rows of each file, by path.
    pub rows: BTreeMap<String, Rows>,
    rule: Rule,
}

/// What says which ratings are held out.
#[derive(Debug)]
enum Rule {
    /// A seed, with this share.
    Random(f64),
    /// It is known, by cell.
    Known(Vec<bool>),
}

impl Data {
    /// Reads the files of an evaluation.
    ///
    /// # Errors
    /// Those of [`read_numbered`], of [`split::newest`], and [`Error::Holdout`] for two files that do not go
    /// together.
    pub(super) fn read(held_out: &HeldOut, scale: Scale, progress: Progress) -> Result<Self> {
        match held_out {
            HeldOut::Share { ratings, by, test_fraction, .. } => {
                let (clean, vocabulary) = read_numbered(&InputFile::open(ratings)?, scale, None, progress)?;
                let by_user = Csr::by_user(&clean.ratings, &vocabulary);
                let rule = match by {
                    By::Random => Rule::Random(*test_fraction),
                    By::Newest => {
                        Rule::Known(split::newest(&by_user, &clean.ratings.timestamps, *test_fraction)?)
                    }
                };
                let rows = BTreeMap::from([(ratings.display().to_string(), clean.rows)]);
                Ok(Self { by_user, n_items: vocabulary.items().len(), rows, rule })
            }
            HeldOut::Files { train, test } => Self::of_files(train, test, scale, progress),
        }
    }

    fn of_files(train: &Path, test: &Path, scale: Scale, progress: Progress) -> Result<Self> {
        let (to_train, learned) = read_numbered(&InputFile::open(train)?, scale, None, progress)?;
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
        meet(&learned, &to_test.ratings).map_err(refuse)?;
        let (ratings, is_test) = join(&to_train.ratings, &to_test.ratings).map_err(refuse)?;
        let vocabulary = Vocabulary::of(&ratings);
        let by_user = Csr::by_user(&ratings, &vocabulary);
        Ok(Self { by_user, n_items: vocabulary.items().len(), rows, rule: Rule::Known(is_test) })
    }

    /// Which ratings are held out, by cell of the matrix.
    ///
    /// # Errors
    /// Those of [`split::random`].
    pub(super) fn is_test(&self, seed: u64) -> Result<Cow<'_, [bool]>> {
        match &self.rule {
            Rule::Random(test_fraction) => {
                split::random(self.by_user.n_cells(), *test_fraction, seed).map(Cow::Owned)
            }
            Rule::Known(is_test) => Ok(Cow::Borrowed(is_test)),
        }
    }
}

/// Says what keeps a model that has learned of some users and movies from knowing anything of `test`.
fn meet(learned: &Vocabulary, test: &Ratings) -> Result<(), String> {
    if !test.users.iter().any(|user| learned.users().binary_search(user).is_ok()) {
        return Err("they have no user in common; both must use the same user ids".to_owned());
    }
    if !test.movies.iter().any(|movie| learned.items().binary_search(movie).is_ok()) {
        return Err("they have no movie in common; both must use the same movie ids".to_owned());
    }
    Ok(())
}

/// Merges two tables, each sorted by user and movie, into one that is, and marks the rows of `test`.
/// Times are left behind.
fn join(train: &Ratings, test: &Ratings) -> Result<(Ratings, Vec<bool>), String> {
    let key = |ratings: &Ratings, row: usize| Some((*ratings.users.get(row)?, *ratings.movies.get(row)?));
    let mut joined = Ratings::default();
    let mut is_test = Vec::with_capacity(train.len() + test.len());
    let (mut of_train, mut of_test) = (0, 0);
    loop {
        let (from, row) = match (key(train, of_train), key(test, of_test)) {
            (None, None) => return Ok((joined, is_test)),
            (Some(one), Some(other)) if one == other => {
                let (user, movie) = one;
                return Err(format!(
                    "both have the rating of movie {movie} by user {user}; \
                     what is trained on cannot be tested, so leave it out of one"
                ));
            }
            (Some(one), other) if other.is_none_or(|other| one < other) => (train, &mut of_train),
            _ => (test, &mut of_test),
        };
        joined.users.push(from.users[*row]);
        joined.movies.push(from.movies[*row]);
        joined.stars.push(from.stars[*row]);
        is_test.push(std::ptr::eq(from, test));
        *row += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::{MovieId, UserId};

    use super::*;

    fn table<'a>(pairs: impl IntoIterator<Item = &'a (u32, u32)>) -> Ratings {
        let mut ratings = Ratings::default();
        for &(user, movie) in pairs {
            ratings.users.push(UserId::new(user));
            ratings.movies.push(MovieId::new(movie));
            ratings.stars.push((user * 100 + movie) as f32);
        }
        ratings
    }

    proptest! {
        #[test]
        fn two_tables_joined_are_one_sorted_table_that_knows_whence_each_row_came(
            pairs in prop::collection::btree_map((0u32..9, 0u32..9), any::<bool>(), 0..60),
        ) {
            let part = |test| table(pairs.iter().filter(|pair| *pair.1 == test).map(|pair| pair.0));
            let (joined, is_test) = join(&part(false), &part(true)).unwrap();
            prop_assert_eq!(joined, table(pairs.keys()));
            prop_assert_eq!(is_test, pairs.values().copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_rating_in_both_files_is_refused_by_name() {
        let problem = join(&table(&[(1, 2), (3, 4)]), &table(&[(2, 2), (3, 4)])).unwrap_err();
        assert!(problem.contains("movie 4 by user 3"), "{problem}");
    }

    #[test]
    fn files_that_share_no_user_or_no_movie_are_refused() {
        let learned = Vocabulary::of(&table(&[(1, 2), (3, 4)]));
        assert!(meet(&learned, &table(&[(2, 2)])).unwrap_err().contains("no user"));
        assert!(meet(&learned, &table(&[(1, 3)])).unwrap_err().contains("no movie"));
        assert!(meet(&learned, &table(&[(1, 4), (9, 9)])).is_ok());
    }
}
