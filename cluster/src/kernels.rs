//! What an executor is given to compute with: slices and vectors, nothing of Arrow.

use std::fmt::Debug;

/// The computations behind a shard. They are called from the threads of an executor's slots, several at once where it
/// has several slots, and once for every batch of at most 8192 users.
pub trait Kernels: Debug + Send + Sync + 'static {
    /// The factors of each of the users.
    ///
    /// # Errors
    ///
    /// If the model cannot be had, or does not fit.
    fn user_factors(&self, reference: &str, users: Rows<'_>) -> Result<Factors, KernelError>;

    /// The best movies of each of the users, who have seen some.
    ///
    /// # Errors
    ///
    /// If the model cannot be had, or does not fit.
    fn top_n(
        &self,
        reference: &str,
        ranking: TableView<'_>,
        rating: TableView<'_>,
        seen: Seen<'_>,
    ) -> Result<Lists, KernelError>;

    /// Reads what was written for a shard, and says in few words what was found.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not what it should be.
    fn check(&self, reference: &str) -> Result<String, KernelError>;
}

/// Why kernels have computed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelError {
    /// It may go better later, or elsewhere. Ballista repeats the task, a few times.
    Transient(String),
    /// It will not. The job fails at once.
    Fatal(String),
}

/// What users have rated. User `i` has the entries from `indptr[i]` up to `indptr[i + 1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    /// One more than there are users; the first is 0.
    pub indptr: &'a [usize],
    /// Of all users, one after the other.
    pub movies: &'a [u32],
    /// As many as `movies`.
    pub ratings: &'a [f32],
}

/// Which movies users have rated, cut like [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// One more than there are users; the first is 0.
    pub indptr: &'a [usize],
    /// Of all users, one after the other.
    pub movies: &'a [u32],
}

/// Rows of numbers, each as long as it likes: row `i` is `values[indptr[i]..indptr[i + 1]]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// One more than there are rows; the first is 0.
    pub indptr: Vec<usize>,
    /// Of all rows, one after the other.
    pub values: Vec<f32>,
}

/// A [`Table`] that somebody else holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableView<'a> {
    /// One more than there are rows; the first is 0.
    pub indptr: &'a [usize],
    /// Of all rows, one after the other.
    pub values: &'a [f32],
}

/// Users' factors, a row for each: those that rank, and those that say a rating.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Factors {
    /// What movies are ranked by.
    pub ranking: Table,
    /// What ratings are foretold by.
    pub rating: Table,
}

/// Users' lists, cut alike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lists {
    /// One more than there are users; the first is 0.
    pub indptr: Vec<usize>,
    /// Of all users, one after the other.
    pub movies: Vec<u32>,
    /// As many as `movies`.
    pub scores: Vec<f32>,
    /// As many as `movies`.
    pub ratings: Vec<f32>,
}
