//! Reading for what follows: the cleaned ratings, numbered and laid out as a matrix, and the movies.
//!
//! [`Input`] is what a run works on; [`read_numbered`] is the part of it that an evaluation needs too. Cleaning
//! itself is [`read_ratings`](crate::read_ratings)'s matter; here it is decided whether what is left is enough to learn from.

use std::path::{Path, PathBuf};

use store::repository::RatingShards;
use store::{DenyList, Location, PATIENCE};

use crate::error::{Error, Result};
use crate::{CleanRatings, Movies};
use interactions::Interactions;
use interactions::Scale;
use interactions::Vocabulary;
use progress::{Progress, Unit};

/// Where a run takes its data from.
#[derive(Debug, Clone)]
pub struct InputSettings {
    /// The ratings.
    pub ratings: RatingsSource,
    /// The movies.
    pub movies: PathBuf,
}

/// Where ratings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatingsSource {
    /// A CSV file, as it was exported.
    File(PathBuf),
    /// Shards of users, cleaned and cut before.
    Shards {
        /// Where they are.
        location: Location,
        /// How many of them a model is trained on, from the first on: each is a fair sample of the users.
        n_trained: Option<u32>,
    },
}

impl RatingsSource {
    /// What is at a location: a file is one, and a directory or a bucket has shards.
    #[must_use]
    pub fn at(location: Location, n_trained: Option<u32>) -> Self {
        match location {
            Location::Directory(path) if !path.is_dir() => Self::File(path),
            location => Self::Shards { location, n_trained },
        }
    }

    /// How many of their shards a model is trained on, where that is not all.
    #[must_use]
    pub fn n_trained(&self) -> Option<u32> {
        match self {
            Self::File(_) => None,
            Self::Shards { n_trained, .. } => *n_trained,
        }
    }

    /// Where their shards are, as processes with other current directories name it; `None` for a file.
    ///
    /// # Errors
    /// Those of [`Location::absolute`].
    pub fn shards_at(&self) -> Result<Option<Location>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Shards { location, .. } => Ok(Some(location.absolute()?)),
        }
    }

    /// Into how many shards they are cut, if they are.
    ///
    /// # Errors
    /// Those of [`RatingShards::account`].
    pub fn n_shards(&self) -> Result<Option<u32>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Shards { location, .. } => {
                Ok(Some(RatingShards::open(location, PATIENCE)?.account()?.0.n_shards))
            }
        }
    }
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
    /// Of shards that are far away there are copies below `work` meanwhile.
    ///
    /// # Errors
    /// Those of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
    pub fn read(
        settings: &InputSettings,
        scale: Scale,
        deny: Option<&DenyList>,
        work: &Path,
        progress: Progress,
    ) -> Result<Self> {
        // The small file first: if it is missing, nobody should have to wait for the large one to know.
        let mut movies = crate::read_movies(&settings.movies)?;
        if let Some(deny) = deny {
            movies.deny(deny);
        }
        let (mut clean, vocabulary) = match &settings.ratings {
            RatingsSource::File(path) => read_numbered(path, scale, deny, progress)?,
            RatingsSource::Shards { location, n_trained } => {
                let bar = progress.bar("reading", Unit::Count);
                let shards = RatingShards::open(location, PATIENCE)?;
                let (account, _) = shards.account()?;
                let n = n_trained.unwrap_or(account.n_shards);
                let nothing = DenyList::default();
                let clean = crate::gather(&shards, account, n, scale, deny.unwrap_or(&nothing), work, &bar)?;
                bar.finish_and_clear();
                numbered(clean, Path::new(&location.to_string()))?
            }
        };
        let ratings = std::mem::take(&mut clean.ratings);
        let interactions = Interactions::of(&ratings, &vocabulary);
        Ok(Self { clean, movies, vocabulary, interactions })
    }
}

/// Reads and cleans ratings that are to be learned from, leaves out what `deny` names, and numbers them. Their times are
/// still there.
///
/// # Errors
/// Those of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
pub fn read_numbered(
    path: &Path,
    scale: Scale,
    deny: Option<&DenyList>,
    progress: Progress,
) -> Result<(CleanRatings, Vocabulary)> {
    let bar = progress.bar("reading", Unit::Bytes);
    let mut clean = crate::read_ratings(path, scale, &bar)?;
    bar.finish_and_clear();
    if let Some(deny) = deny {
        clean.deny(deny);
    }
    numbered(clean, path)
}

/// Numbers cleaned ratings that are enough to learn from.
fn numbered(clean: CleanRatings, path: &Path) -> Result<(CleanRatings, Vocabulary)> {
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
