//! What was published and what else there is: listed, compared, and removed when it is old.
//!
//! Going back to a generation and pinning one are the repository's own acts, see [`store::repository`]; here is what
//! needs a judgement: which state a generation is in (`listing`), what two of them differ in (`difference`), which are
//! no longer needed (`retention`).

mod listing;
mod difference;
mod retention;

use std::path::PathBuf;

use store::repository::Mark;
use store::{GenerationId, Location, PATIENCE, Repository};

use crate::error::{Error, Result};
pub(crate) use difference::Shown;
pub use difference::{Change, DiffSettings, Difference, MovieChange, diff};
pub use listing::{Entry, State, list};
pub use retention::{Pruned, Retention, prune};

/// Where generations are kept, and where copies of them live while they are made or open.
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
    /// Those of the store.
    pub fn open(&self) -> Result<Repository> {
        Ok(Repository::open(&self.location, PATIENCE)?)
    }
}

/// The generation that is published.
///
/// # Errors
/// [`Error::NothingPublished`]; those of the store.
pub fn published(repository: &Repository) -> Result<GenerationId> {
    repository.current()?.ok_or_else(|| Error::NothingPublished { output: repository.location().clone() })
}

/// Keeps a generation for good, which must be whole.
///
/// # Errors
/// Those of the store.
pub fn pin(repository: &Repository, id: &GenerationId, reason: &str) -> Result<()> {
    repository.manifest(id)?;
    Ok(repository.mark(id, Mark::Pinned, reason)?)
}

/// Takes a pin away again.
///
/// # Errors
/// Those of the store.
pub fn unpin(repository: &Repository, id: &GenerationId) -> Result<()> {
    Ok(repository.unmark(id, Mark::Pinned)?)
}
