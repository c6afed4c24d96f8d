//! The commands on existing generations: their list with states (`listing`), the comparison of two (`difference`), and
//! the removal of old ones (`retention`); and the question whether the clock agrees with their ids (`clock`). Rollback and pins are operations of [`store::repository`].

mod clock;
mod listing;
mod difference;
mod retention;

use std::path::PathBuf;

use store::repository::Mark;
use store::{GenerationId, Location, PATIENCE, Repository};

use crate::error::{Error, Result};
pub use clock::{DatedAhead, dated_ahead};
pub(crate) use difference::ListDifference;
pub use difference::{Change, DiffSettings, Difference, MovieChange, diff};
pub use listing::{Entry, State, list};
pub use retention::{Pruned, Retention, prune};

/// The repository of the generations, and the directory for copies of those that are being made or are open.
#[derive(Debug, Clone)]
pub struct Place {
    /// The repository.
    pub location: Location,
    /// The directory for copies.
    pub work: PathBuf,
}

impl Place {
    /// Opens the repository.
    ///
    /// # Errors
    /// [`Error::Store`] if the location cannot be reached or is no repository.
    pub fn open(&self) -> Result<Repository> {
        Ok(Repository::open(&self.location, PATIENCE)?)
    }
}

/// Returns the published generation.
///
/// # Errors
/// [`Error::NothingPublished`]; [`Error::Store`] if `CURRENT` cannot be read or names no generation.
pub fn published(repository: &Repository) -> Result<GenerationId> {
    repository.current()?.ok_or_else(|| Error::NothingPublished { output: repository.location().clone() })
}

/// Pins a complete generation: it is never removed.
///
/// # Errors
/// [`Error::Store`] if the generation is incomplete or the mark cannot be written.
pub fn pin(repository: &Repository, id: &GenerationId, reason: &str) -> Result<()> {
    repository.manifest(id)?;
    Ok(repository.mark(id, Mark::Pinned, reason)?)
}

/// Removes the pin of a generation.
///
/// # Errors
/// [`Error::Store`] if the mark cannot be removed.
pub fn unpin(repository: &Repository, id: &GenerationId) -> Result<()> {
    Ok(repository.unmark(id, Mark::Pinned)?)
}
