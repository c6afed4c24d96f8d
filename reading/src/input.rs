//! The input of a run: the clean ratings as a matrix, and the movies.
//!
//! [`read_numbered`] is the part that an evaluation also uses. Files that leave too few ratings to train on are an
//! error.

use std::path::{Path, PathBuf};

use interactions::{Interactions, Rating, Ratings, Scale, Vocabulary};
use progress::{Progress, Unit};
use store::manifest::{FileDigest, Source, SourceFile};
use store::repository::{RatingShards, RatingsAccount};
use store::sample::Sample;
use store::{DenyList, Location, MovieId, PATIENCE, UserId};

use crate::error::{Error, Result};
use crate::file::InputFile;
use crate::sample;
use crate::tables::{CleanRatings, Movies, Reject};

/// The locations of the input of a run.
#[derive(Debug, Clone)]
pub struct InputSettings {
    /// The ratings.
    pub ratings: RatingsSource,
    /// The movies.
    pub movies: PathBuf,
}

/// The location of ratings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatingsSource {
    /// A CSV file.
    File(PathBuf),
    /// Shards of users, which were cleaned and cut before.
    Shards {
        /// The location of the shards.
        location: Location,
        /// The number of shards to train on, from the first on; `None` for all. Each shard is a fair sample of the
        /// users.
        n_trained: Option<u32>,
    },
}

impl RatingsSource {
    /// The ratings at a location: a file, or the shards in a directory or a bucket.
    #[must_use]
    pub fn at(location: Location, n_trained: Option<u32>) -> Self {
        match location {
            Location::Directory(path) if !path.is_dir() => Self::File(path),
            location => Self::Shards { location, n_trained },
        }
    }

    /// The number of shards to train on; `None` for all shards, and for a file.
    #[must_use]
    pub fn n_trained(&self) -> Option<u32> {
        match self {
            Self::File(_) => None,
            Self::Shards { n_trained, .. } => *n_trained,
        }
    }

    /// The absolute location of the shards; `None` for a file.
    ///
    /// # Errors
    /// [`Error::Store`] if the current directory is unknown.
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
    /// [`Error::Store`] for a file that cannot be opened, and for shards.
    pub fn open(&self) -> Result<OpenInput> {
        // The small file first, so that an error in its name shows at once.
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

/// The input of a run, opened once.
#[derive(Debug)]
pub struct OpenInput {
    ratings: OpenRatings,
    movies: InputFile,
}

#[derive(Debug)]
enum OpenRatings {
    File(InputFile),
    /// Shards. The account lists the digests of all shards, or a version that changes with them, so its own digest
    /// identifies the content.
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

    /// Whether the content equals the input of another run. Reads a file at most once, and only if the lengths are
    /// equal.
    ///
    /// # Errors
    /// [`Error::Changed`] and [`Error::Store`].
    pub fn is(&self, source: &Source) -> Result<bool> {
        let same_ratings = match &self.ratings {
            OpenRatings::File(file) => file.has(&source.ratings.digest)?,
            OpenRatings::Shards { digest, .. } => *digest == source.ratings.digest,
        };
        Ok(same_ratings && self.movies.has(&source.movies.digest)?)
    }

    /// Reads and cleans the tables, and removes the entries of `deny`. Ratings outside `scale` are rejected. Copies of
    /// remote shards are kept in `work` meanwhile.
    ///
    /// # Errors
    /// The errors of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
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
        let has_times = matches!(self.ratings, OpenRatings::File(_));
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
        let sample = sample::draw(&ratings, &movies, has_times);
        let interactions = Interactions::of(&ratings, &vocabulary);
        Ok(Input { clean, movies, vocabulary, interactions, sample })
    }
}

/// The clean input: the ratings as a matrix, and the movies.
#[derive(Debug)]
pub struct Input {
    /// The account of the ratings. Its table is empty: the ratings are in `interactions`.
    pub clean: CleanRatings,
    /// The movies.
    pub movies: Movies,
    /// The numbering of users and items.
    pub vocabulary: Vocabulary,
    /// The ratings by user and by item.
    pub interactions: Interactions,
    /// The sample of users, ratings and movies.
    pub sample: Sample,
}

impl Input {
    /// Removes the ratings of some movies (ids ascending), which are counted as denied. A user who has rated nothing else
    /// is removed too. The movies keep their titles. Memory: 24 bytes for each rating, while it runs.
    pub fn hold_back(&mut self, movies: &[MovieId]) {
        let is_held = |movie: MovieId| movies.binary_search(&movie).is_ok();
        let (users, items) = (self.vocabulary.users(), self.vocabulary.items());
        let cells = self.interactions.by_user.cells().filter(|&(_, item, _)| !is_held(items[item]));
        let rating = |(user, item, stars): (usize, usize, f32)| Rating {
            user: users[user],
            movie: items[item],
            stars,
            timestamp: Ratings::NO_TIME,
        };
        let n_before = self.interactions.by_user.n_cells();
        let ratings: Ratings = cells.map(rating).collect();
        let n_held = (n_before - ratings.len()) as u64;
        let rows = &mut self.clean.rows;
        // Rows of shards were counted when they were partitioned.
        if rows.kept >= n_held {
            rows.kept -= n_held;
            rows.denied += n_held;
        }
        self.vocabulary = Vocabulary::of(&ratings);
        self.interactions = Interactions::of(&ratings, &self.vocabulary);
        let is_there = |user: &UserId| self.vocabulary.users().binary_search(user).is_ok();
        self.sample.users.chosen.retain(is_there);
        self.sample.ratings.chosen.retain(|rating| !is_held(rating.movie));
    }

    /// The description of the files, for the manifest.
    #[must_use]
    pub fn source(&self) -> Source {
        Source { ratings: self.clean.source.clone(), movies: self.movies.source.clone() }
    }
}

/// Reads and cleans a table of ratings, removes the entries of `deny`, and numbers users and movies.
///
/// # Errors
/// The errors of [`read_ratings`](crate::read_ratings), and [`Error::TooFewRatings`].
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

/// Numbers the users and movies of clean ratings.
///
/// # Errors
/// [`Error::TooFewRatings`].
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
            example: example(&clean),
        });
    }
    Ok((clean, vocabulary))
}

/// The most frequent reason of rejected rows with the first such row, as a clause for an error; empty without any.
fn example(clean: &CleanRatings) -> String {
    let by_reason = &clean.rows.rejected_by_reason;
    let Some((name, _)) = by_reason.iter().max_by_key(|&(_, &count)| count) else { return String::new() };
    let has_reason = |reject: &&Reject| reject.reasons.first().is_some_and(|reason| reason.name() == name);
    let reason = name.replace('_', " ");
    match clean.rejects.iter().filter(has_reason).find(|reject| !reject.text.is_empty()) {
        Some(Reject { line, text, .. }) => format!(", most often for {reason}, as line {line}: {text:?}"),
        None => format!(", most often for {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_for_too_few_ratings_has_the_most_frequent_reason_with_a_row() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv");
        let rows = "1,,3,0\nanna,5,3,0\nben,5,4,0\n1,5,3,0\n";
        std::fs::write(&path, format!("userId,movieId,rating,timestamp\n{rows}")).unwrap();
        let file = InputFile::open(&path).unwrap();
        let read = read_numbered(&file, Scale::default(), None, Progress::hidden());
        let error = read.unwrap_err().to_string();
        let expected = "leaves 1 ratings of 1 users and 1 movies after cleaning (3 rows were rejected, \
                        most often for bad user, as line 3: \"anna,5,3,0\"); training needs at least";
        assert!(error.contains(expected), "{error}");
    }
}
