//! Reading for what follows: the cleaned ratings, numbered and laid out as a matrix, and the movies.
//!
//! [`Input`] is what a run works on; [`read_numbered`] is the part of it that an evaluation needs too. Cleaning
//! itself is [`read_ratings`](crate::read_ratings)'s matter; here it is decided whether what is left is enough to learn from.

use std::path::{Path, PathBuf};

use interactions::Interactions;
use interactions::Scale;
use interactions::Vocabulary;
use progress::{Progress, Unit};
use store::manifest::{FileDigest, Source, SourceFile};
use store::repository::{RatingShards, RatingsAccount};
use store::{DenyList, Location, PATIENCE};

use crate::error::{Error, Result};
use crate::file::InputFile;
use crate::tables::{CleanRatings, Movies};

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
}

impl InputSettings {
    /// Opens the input.
    ///
    /// # Errors
    /// Those of [`InputFile::open`], and those of the store for shards.
    pub fn open(&self) -> Result<OpenInput> {
        // The small file first: a mistake in its name shows at once.
        let movies = InputFile::open(&self.movies)?;
        let ratings = match &self.ratings {
            RatingsSource::File(path) => OpenRatings::File(InputFile::open(path)?),
            RatingsSource::Shards { location, n_trained } => {
                let shards = RatingShards::open(location, PATIENCE)?;
                let (account, digest) = shards.account()?;
                let n_trained = n_trained.unwrap_or(account.n_shards);
                OpenRatings::Shards { location: location.to_string(), shards, account, digest, n_trained }
            }
        };
        Ok(OpenInput { ratings, movies })
    }
}

/// The input of a run, opened once: every question about it has the same answer.
#[derive(Debug)]
pub struct OpenInput {
    ratings: OpenRatings,
    movies: InputFile,
}

#[derive(Debug)]
enum OpenRatings {
    File(InputFile),
    /// The account lists the digests of all shards, or a version that changes with them; its own digest stands for both.
    Shards {
        location: String,
        shards: RatingShards,
        account: RatingsAccount,
        digest: FileDigest,
        n_trained: u32,
    },
}

impl OpenInput {
    /// The number of shards that the ratings are cut into; `None` for a file.
    #[must_use]
    pub fn n_shards(&self) -> Option<u32> {
        match &self.ratings {
            OpenRatings::File(_) => None,
            OpenRatings::Shards { account, .. } => Some(account.n_shards),
        }
    }

    /// Whether the content is that of another run's input. Reads a file, once at most, where its length is the same.
    ///
    /// # Errors
    /// [`Error::Changed`] and [`Error::Io`].
    pub fn is(&self, source: &Source) -> Result<bool> {
        let same_ratings = match &self.ratings {
            OpenRatings::File(file) => file.has(&source.ratings.digest)?,
            OpenRatings::Shards { digest, .. } => *digest == source.ratings.digest,
        };
        Ok(same_ratings && self.movies.has(&source.movies.digest)?)
    }

    /// Reads and cleans the tables, `scale` being the stars that a rating may have, without the entries of `deny`.
    /// Copies of remote shards are kept below `work` meanwhile.
    ///
    /// # Errors
    /// Those of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
    pub fn read(
        self,
        scale: Scale,
        deny: Option<&DenyList>,
        work: &Path,
        progress: Progress,
    ) -> Result<Input> {
        let mut movies = crate::read_movies(&self.movies)?;
        if let Some(deny) = deny {
            movies.deny(deny);
        }
        let (mut clean, vocabulary) = match self.ratings {
            OpenRatings::File(file) => read_numbered(&file, scale, deny, progress)?,
            OpenRatings::Shards { location, shards, account, digest, n_trained } => {
                let bar = progress.bar("reading", Unit::Count);
                let nothing = DenyList::default();
                let deny = deny.unwrap_or(&nothing);
                let mut clean = crate::gather(&shards, account, n_trained, scale, deny, work, &bar)?;
                bar.finish_and_clear();
                clean.source = SourceFile { path: location.clone(), digest, ends_with_newline: true };
                numbered(clean, Path::new(&location))?
            }
        };
        let ratings = std::mem::take(&mut clean.ratings);
        let interactions = Interactions::of(&ratings, &vocabulary);
        Ok(Input { clean, movies, vocabulary, interactions })
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
    /// The files that were read, for the manifest.
    #[must_use]
    pub fn source(&self) -> Source {
        Source { ratings: self.clean.source.clone(), movies: self.movies.source.clone() }
    }
}

/// Reads and cleans ratings that are to be learned from, leaves out what `deny` names, and numbers them. Their times are
/// still there.
///
/// # Errors
/// Those of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
pub fn read_numbered(
    file: &InputFile,
    scale: Scale,
    deny: Option<&DenyList>,
    progress: Progress,
) -> Result<(CleanRatings, Vocabulary)> {
    let bar = progress.bar("reading", Unit::Bytes);
    let mut clean = crate::read_ratings(file, scale, &bar)?;
    bar.finish_and_clear();
    if let Some(deny) = deny {
        clean.deny(deny);
    }
    numbered(clean, file.path())
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
