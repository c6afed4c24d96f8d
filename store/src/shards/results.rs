//! The results of a shard, one row per user: history, factors and list, as a generation keeps them.

use std::path::Path;

use super::columns::{ColumnsReader, ColumnsWriter};
use super::{Lists, RatingsBatch};
use crate::error::Result;
use crate::ids::{MovieId, UserId};
use crate::records::{Factors, History, TopN};

const SCHEMA: &str = "message results {
    required int32 user_id (INTEGER(32, false));
    required group movies (LIST) { repeated group list { required int32 element (INTEGER(32, false)); } }
    required group ratings (LIST) { repeated group list { required float element; } }
    required group factors {
        required group ranking (LIST) { repeated group list { required float element; } }
        required group rating (LIST) { repeated group list { required float element; } }
    }
    required group top_n {
        required group movies (LIST) { repeated group list { required int32 element (INTEGER(32, false)); } }
        required group scores (LIST) { repeated group list { required float element; } }
        required group ratings (LIST) { repeated group list { required float element; } }
    }
}";

/// Users, ids ascending, with everything that is published of them. Each list has a row for each user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultsBatch {
    /// The ratings.
    pub history: RatingsBatch,
    /// The factors of the ranking model (n_users x n_factors).
    pub ranking: Lists<f32>,
    /// The rows of the rating model: the bias, then the factors.
    pub rating: Lists<f32>,
    /// The movies of the lists, best first.
    pub movies: Lists<u32>,
    /// The scores, in the order of `movies.values`.
    pub scores: Vec<f32>,
    /// The predicted stars, in the order of `movies.values`.
    pub stars: Vec<f32>,
}

impl ResultsBatch {
    /// The number of users.
    #[must_use]
    pub fn len(&self) -> usize {
        self.history.users.len()
    }

    /// Whether there are no users.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records of a user, by position.
    #[must_use]
    pub fn records(&self, row: usize) -> (UserId, TopN, History, Factors) {
        let ids = |ids: &[u32]| ids.iter().copied().map(MovieId::new).collect();
        let entries = self.movies.indptr[row]..self.movies.indptr[row + 1];
        let list = TopN {
            movies: ids(self.movies.row(row)),
            scores: self.scores[entries.clone()].to_vec(),
            stars: self.stars[entries].to_vec(),
        };
        let (user, history) = self.history.history(row);
        (user, list, history, Factors(self.ranking.row(row).to_vec()))
    }
}

/// Writes a file of results.
pub struct ResultsWriter(ColumnsWriter);

impl ResultsWriter {
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
    pub fn put(&mut self, batch: &ResultsBatch) -> Result<()> {
        let ResultsBatch { history, ranking, rating, movies, scores, stars } = batch;
        let mut columns = self.0.batch()?;
        columns.ids(history.users.iter().map(|user| user.get()))?;
        columns.id_lists(&history.movies.indptr, history.movies.values.iter().copied())?;
        columns.number_lists(&history.movies.indptr, &history.stars)?;
        columns.number_lists(&ranking.indptr, &ranking.values)?;
        columns.number_lists(&rating.indptr, &rating.values)?;
        columns.id_lists(&movies.indptr, movies.values.iter().copied())?;
        columns.number_lists(&movies.indptr, scores)?;
        columns.number_lists(&movies.indptr, stars)?;
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

/// Reads a file of results, a batch at a time.
pub struct ResultsReader(ColumnsReader);

impl ResultsReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::Damaged`](crate::Error::Damaged) for a file that is not Parquet.
    pub fn open(path: &Path) -> Result<Self> {
        ColumnsReader::open(path).map(Self)
    }

    /// The users of all batches, in order. Reads that column only.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Damaged`](crate::Error::Damaged).
    pub fn users(&self) -> Result<Vec<UserId>> {
        let mut users = Vec::new();
        for number in 0..self.0.n_batches() {
            users.extend(self.0.batch(number)?.ids(&["user_id"])?.into_iter().map(UserId::new));
        }
        Ok(users)
    }

    /// All batches, in order.
    pub fn batches(&self) -> impl Iterator<Item = Result<ResultsBatch>> + '_ {
        (0..self.0.n_batches()).map(|number| self.batch(number))
    }

    fn batch(&self, number: usize) -> Result<ResultsBatch> {
        let columns = self.0.batch(number)?;
        let users: Vec<_> = columns.ids(&["user_id"])?.into_iter().map(UserId::new).collect();
        let (rated, given) = (columns.id_lists(&["movies"])?, columns.number_lists(&["ratings"])?);
        let ranking = columns.number_lists(&["factors", "ranking"])?;
        let rating = columns.number_lists(&["factors", "rating"])?;
        let movies = columns.id_lists(&["top_n", "movies"])?;
        let scores = columns.number_lists(&["top_n", "scores"])?;
        let stars = columns.number_lists(&["top_n", "ratings"])?;
        for (movies, numbers) in [(&rated, &given), (&movies, &scores), (&movies, &stars)] {
            if movies.indptr != numbers.indptr {
                return Err(self.0.wrong("a user has more movies than numbers beside them, or fewer"));
            }
        }
        Ok(ResultsBatch {
            history: RatingsBatch { users, movies: rated, stars: given.values },
            ranking,
            rating,
            movies,
            scores: scores.values,
            stars: stars.values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000.parquet");
        let mut batch = ResultsBatch::default();
        batch.history.push(UserId::new(3), &[1, 7], &[0.5, 5.0]);
        batch.history.push(UserId::new(9), &[8], &[1.0]);
        batch.ranking.push(&[0.25, -1.0]);
        batch.ranking.push(&[0.5, 2.0]);
        batch.rating.push(&[0.1]);
        batch.rating.push(&[]);
        batch.movies.push(&[4, 2, 9]);
        batch.movies.push(&[]);
        batch.scores = vec![0.9, 0.8, 0.1];
        batch.stars = vec![4.5, 4.0, 1.0];
        let mut writer = ResultsWriter::create(&path).unwrap();
        writer.put(&batch).unwrap();
        writer.finish().unwrap();

        let reader = ResultsReader::open(&path).unwrap();
        assert_eq!(reader.users().unwrap(), [UserId::new(3), UserId::new(9)]);
        let read: Vec<_> = reader.batches().map(Result::unwrap).collect();
        assert_eq!(read, [batch]);
        let (user, list, history, factors) = read[0].records(0);
        assert_eq!(
            (user, &list.movies[..]),
            (UserId::new(3), &[MovieId::new(4), MovieId::new(2), MovieId::new(9)][..])
        );
        assert_eq!(list.stars, [4.5, 4.0, 1.0]);
        assert_eq!((history.stars, factors), (vec![0.5, 5.0], Factors(vec![0.25, -1.0])));
    }
}
