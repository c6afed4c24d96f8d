//! The interface to the computations of an executor: slices and vectors, without Arrow types.

use std::fmt::Debug;

/// The computations of a shard. The threads of an executor's slots call them, concurrently if there are several slots.
/// Each batch of at most 8192 users is one call.
pub trait Kernels: Debug + Send + Sync + 'static {
    /// Returns the factors of each user.
    ///
    /// # Errors
    ///
    /// [`KernelError`] if the model cannot be loaded or does not fit the arguments.
    fn user_factors(&self, reference: &str, users: Rows<'_>) -> Result<Factors, KernelError>;

    /// Returns the top-N list of each user, without the movies in `seen`.
    ///
    /// # Errors
    ///
    /// [`KernelError`] if the model cannot be loaded or does not fit the arguments.
    fn top_n(
        &self,
        reference: &str,
        ranking: TableView<'_>,
        rating: TableView<'_>,
        seen: Seen<'_>,
    ) -> Result<Lists, KernelError>;

    /// Checks the written results of a shard and returns a short summary.
    ///
    /// # Errors
    ///
    /// [`KernelError`] if the results cannot be read or are wrong.
    fn check(&self, reference: &str) -> Result<String, KernelError>;
}

/// An error of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelError {
    /// Another attempt, later or on another executor, may succeed. Ballista repeats the task a few times.
    Transient(String),
    /// Another attempt would fail too. The job fails at once.
    Fatal(String),
}

/// The ratings of users. User `i` has the entries `indptr[i]..indptr[i + 1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    /// The offsets: one more than users; the first is 0.
    pub indptr: &'a [usize],
    /// The movies of all users, concatenated.
    pub movies: &'a [u32],
    /// The rating of each movie.
    pub ratings: &'a [f32],
}

/// The movies that users have rated, with offsets like those of [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// The offsets: one more than users; the first is 0.
    pub indptr: &'a [usize],
    /// The movies of all users, concatenated.
    pub movies: &'a [u32],
}

/// Rows of numbers, of any length: row `i` is `values[indptr[i]..indptr[i + 1]]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The offsets: one more than rows; the first is 0.
    pub indptr: Vec<usize>,
    /// The values of all rows, concatenated.
    pub values: Vec<f32>,
}

/// A borrowed [`Table`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableView<'a> {
    /// The offsets: one more than rows; the first is 0.
    pub indptr: &'a [usize],
    /// The values of all rows, concatenated.
    pub values: &'a [f32],
}

/// The factors of users, one row for each user and model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Factors {
    /// Factors that rank movies.
    pub ranking: Table,
    /// Factors that predict ratings.
    pub rating: Table,
}

/// The top-N lists of users. List `i` has the entries `indptr[i]..indptr[i + 1]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lists {
    /// The offsets: one more than users; the first is 0.
    pub indptr: Vec<usize>,
    /// The movies of all users, concatenated.
    pub movies: Vec<u32>,
    /// The score of each movie.
    pub scores: Vec<f32>,
    /// The predicted rating of each movie.
    pub ratings: Vec<f32>,
}
