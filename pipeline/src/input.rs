//! Reading for what follows: the cleaned ratings, numbered and laid out as a matrix, and the movies.
//!
//! [`Input`] is what a run works on; [`read_ratings`] is the part of it that an evaluation needs too. Cleaning
//! itself is [`ingest`]'s matter; here it is decided whether what is left is enough to learn from.

use std::path::{Path, PathBuf};

use store::DenyList;

use crate::error::{Error, Result};
use crate::ingest::{self, CleanRatings, Movies, Scale};
use crate::interactions::Interactions;
use crate::progress::{Progress, Unit};
use crate::vocabulary::Vocabulary;

/// Where a run takes its data from.
#[derive(Debug, Clone)]
pub struct InputSettings {
    /// The ratings.
    pub ratings: PathBuf,
    /// The movies.
    pub movies: PathBuf,
}

/// The data, cleaned, numbered and laid out as a matrix.
#[derive(Debug)]
pub struct Input {
    /// The account of cleaning; its ratings have become `interactions`, their times are gone.
    pub clean: CleanRatings,
    /// The movies.
    pub movies: Movies,
    /// The numbering of users and items.
    pub vocabulary: Vocabulary,
    /// The ratings by user and by item.
    pub interactions: Interactions,
}

impl Input {
    /// Reads and cleans the files, `scale` being the stars that a rating may have, and leaves out what `deny` names.
    ///
    /// # Errors
    /// Those of [`ingest`], and [`Error::TooFewRatings`].
    pub fn read(
        settings: &InputSettings,
        scale: Scale,
        deny: Option<&DenyList>,
        progress: Progress,
    ) -> Result<Self> {
        // The small file first: if it is missing, nobody should have to wait for the large one to know.
        let mut movies = ingest::read_movies(&settings.movies)?;
        if let Some(deny) = deny {
            movies.deny(deny);
        }
        let (mut clean, vocabulary) = read_ratings(&settings.ratings, scale, deny, progress)?;
        let ratings = std::mem::take(&mut clean.ratings);
        let interactions = Interactions::of(&ratings, &vocabulary);
        Ok(Self { clean, movies, vocabulary, interactions })
    }
}

/// Reads and cleans ratings that are to be learned from, leaves out what `deny` names, and numbers them. Their times are
/// still there.
///
/// # Errors
/// Those of [`ingest`], and [`Error::TooFewRatings`].
pub fn read_ratings(
    path: &Path,
    scale: Scale,
    deny: Option<&DenyList>,
    progress: Progress,
) -> Result<(CleanRatings, Vocabulary)> {
    let bar = progress.bar("reading", Unit::Bytes);
    let mut clean = ingest::read_ratings(path, scale, &bar)?;
    bar.finish_and_clear();
    if let Some(deny) = deny {
        clean.deny(deny);
    }
    let vocabulary = Vocabulary::of(&clean.ratings);
    let (n_users, n_items) = (vocabulary.users().len(), vocabulary.items().len());
    if clean.ratings.len() < 20 || n_users < 2 || n_items < 2 {
        return Err(Error::TooFewRatings {
            path: path.to_path_buf(),
            ratings: clean.ratings.len(),
            users: n_users,
            movies: n_items,
            rejected: clean.rows.rejected,
            denied: clean.rows.denied,
            needed: "20 ratings of 2 users and 2 movies",
        });
    }
    Ok((clean, vocabulary))
}
