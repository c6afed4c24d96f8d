//! Copies that were kept, taken over by a reader that starts again.

use std::path::Path;

use super::Repository;
use crate::error::Result;
use crate::ids::GenerationId;
use crate::kept::Note;
use crate::reader::LocalCopy;
use crate::shards::Owned;
use crate::working_copy::WorkingCopy;

impl Repository {
    /// Takes over the copy of a generation that was [kept](LocalCopy::keep) under `work`, if there is one and nobody
    /// else has it. Reads little of it, however large it is. Kept copies of anything else are removed.
    ///
    /// A kept copy is not checked as a [fetched](Repository::fetch) one is, for sled may have written to it: it is of
    /// the manifest that the repository has now and has the same shards, its log has the length and its other files the digests that they had
    /// when it was kept. sled checks a CRC of whatever it reads later.
    ///
    /// # Errors
    /// Those of [`Repository::manifest`].
    pub fn adopt(&self, id: &GenerationId, work: &Path, owned: &Owned) -> Result<Option<LocalCopy>> {
        let manifest = self.manifest(id)?;
        let copy = WorkingCopy::take_over(work, |dir, note| match Note::of(&manifest, owned, dir) {
            Ok(found) if found.is(note) => true,
            Ok(_) => {
                tracing::info!(
                    "the kept copy {} is not of generation {id} as it is, or has changed",
                    dir.display()
                );
                false
            }
            Err(e) => {
                tracing::warn!("the kept copy {} cannot be read: {e}", dir.display());
                false
            }
        })?;
        Ok(copy.map(|copy| LocalCopy::new(manifest, owned.clone(), copy)))
    }
}
