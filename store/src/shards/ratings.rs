//! The ratings of a shard, one row per user.

use std::path::Path;

use super::Lists;
use super::columns::{ColumnsReader, ColumnsWriter};
use crate::error::Result;
use crate::ids::{MovieId, UserId};
use crate::records::History;

const SCHEMA: &str = "message ratings {
    required int32 user_id (INTEGER(32, false));
    required group movies (LIST) { repeated group list { required int32 element (INTEGER(32, false)); } }
    required group ratings (LIST) { repeated group list { required float element; } }
}";

/// Users with their ratings, ids ascending. `movies` has a row for each user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RatingsBatch {
    /// The users.
    pub users: Vec<UserId>,
    /// The movies that each user has rated, ids ascending (n_users rows).
    pub movies: Lists<u32>,
    /// The ratings in stars, in the order of `movies.values`.
    pub stars: Vec<f32>,
}

impl RatingsBatch {
    /// Adds a user.
    pub fn push(&mut self, user: UserId, movies: &[u32], stars: &[f32]) {
        self.users.push(user);
        self.movies.push(movies);
        self.stars.extend_from_slice(stars);
    }

    /// A user's ratings by position.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let cells = self.movies.indptr[row]..self.movies.indptr[row + 1];
        (&self.movies.values[cells.clone()], &self.stars[cells])
    }

    /// A user by position, with the ratings as a record.
    #[must_use]
    pub fn history(&self, row: usize) -> (UserId, History) {
        let (movies, stars) = self.row(row);
        let movies = movies.iter().copied().map(MovieId::new).collect();
        (self.users[row], History { movies, stars: stars.to_vec() })
    }
}

/// Writes a file of ratings.
pub struct RatingsWriter(ColumnsWriter);

impl RatingsWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn create(path: &Path) -> Result<Self> {
        ColumnsWriter::create(path, SCHEMA, &[]).map(Self)
    }

    /// Writes a batch of some thousand users, whose ids are above those of all earlier batches.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn put(&mut self, batch: &RatingsBatch) -> Result<()> {
        let mut columns = self.0.batch()?;
        columns.ids(batch.users.iter().map(|user| user.get()))?;
        columns.id_lists(&batch.movies.indptr, batch.movies.values.iter().copied())?;
        columns.number_lists(&batch.movies.indptr, &batch.stars)?;
        columns.finish()
    }

    /// Ends and syncs the file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

/// Reads a file of ratings, a batch at a time.
pub struct RatingsReader(ColumnsReader);

impl RatingsReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::Damaged`](crate::Error::Damaged) for a file that is not Parquet.
    pub fn open(path: &Path) -> Result<Self> {
        ColumnsReader::open(path).map(Self)
    }

    /// All batches, in order.
    pub fn batches(&self) -> impl Iterator<Item = Result<RatingsBatch>> + '_ {
        (0..self.n_batches()).map(|number| self.batch(number))
    }

    /// The number of batches.
    #[must_use]
    pub fn n_batches(&self) -> usize {
        self.0.n_batches()
    }

    /// A batch by number.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Damaged`](crate::Error::Damaged).
    pub fn batch(&self, number: usize) -> Result<RatingsBatch> {
        let columns = self.0.batch(number)?;
        let users = columns.ids(&["user_id"])?.into_iter().map(UserId::new).collect();
        let (movies, stars) = (columns.id_lists(&["movies"])?, columns.number_lists(&["ratings"])?);
        if movies.indptr != stars.indptr {
            return Err(self.0.wrong("a user has more movies than ratings, or fewer"));
        }
        Ok(RatingsBatch { users, movies, stars: stars.values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_read_as_they_were_written_and_a_cut_file_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000.parquet");
        let mut first = RatingsBatch::default();
        first.push(UserId::new(3), &[1, 7, u32::MAX], &[0.5, 5.0, 3.0]);
        first.push(UserId::new(9), &[], &[]);
        first.push(UserId::new(u32::MAX), &[2], &[4.5]);
        let mut second = RatingsBatch::default();
        second.push(UserId::new(4), &[], &[]);
        let mut writer = RatingsWriter::create(&path).unwrap();
        writer.put(&first).unwrap();
        writer.put(&second).unwrap();
        writer.finish().unwrap();

        let reader = RatingsReader::open(&path).unwrap();
        let read: Vec<_> = reader.batches().map(Result::unwrap).collect();
        assert_eq!(read, [first, second]);

        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let error = RatingsReader::open(&path).err().unwrap().to_string();
        assert!(error.contains("00000.parquet is damaged"), "{error}");
    }
}
