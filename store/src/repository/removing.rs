//! Removal of generations: of complete ones on request, and of those that were never completed.

use super::{Mark, Repository, RunLock};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, GENERATIONS, JOBS, MANIFEST, REPORTS};

/// Age after which an incomplete generation in a bucket counts as abandoned. No run takes so long.
const ABANDONED: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Repository {
    /// Removes the leftovers of runs that were killed: generations without a manifest, and files of jobs, except those of
    /// the job `kept`. Generations that another process may be writing stay. Returns the number of removed generations.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn sweep(&self, lock: &RunLock, kept: Option<&GenerationId>) -> Result<usize> {
        let now = jiff::Timestamp::now();
        // Without a lock, the age decides.
        let abandoned = |id: &GenerationId| {
            let is_old = || id.time().is_none_or(|time| now.duration_since(time) > ABANDONED);
            kept != Some(id) && (lock.is_exclusive() || is_old())
        };
        for id in self.ids(JOBS)? {
            if abandoned(&id) || self.is_complete(&id)? {
                self.job(id).end()?;
            }
        }
        for folder in ["", REPORTS, Mark::Pinned.folder(), Mark::Withdrawn.folder()] {
            self.objects.remove_remnants(folder)?;
        }
        let mut n_removed = 0;
        for id in self.generations()?.into_iter().filter(abandoned) {
            if !self.is_complete(&id)? {
                tracing::info!(generation = %id, "removing an incomplete generation");
                self.remove_rest(&id)?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    /// Removes a generation with its report and its marks. The manifest is removed first, so that after an interruption the
    /// rest is never read, and the next run removes it.
    ///
    /// # Errors
    /// [`Error::InUse`] for the published generation; [`Error::Io`], [`Error::Remote`].
    pub fn remove(&self, id: &GenerationId) -> Result<()> {
        let manifest = layout::key(id, MANIFEST);
        let kept = self.objects.read(&manifest)?;
        let published = || Ok::<_, Error>(self.current()?.as_ref() == Some(id));
        let in_use = || Error::InUse { generation: id.clone(), location: self.location.to_string() };
        if published()? {
            return Err(in_use());
        }
        self.objects.remove(&manifest)?;
        // Checked again: a rollback checks the manifest after it has moved `CURRENT`, so that one of the two processes
        // notices the other.
        if published()? {
            if let Some((bytes, _)) = kept {
                self.objects.write(&manifest, &bytes)?;
            }
            return Err(in_use());
        }
        self.remove_rest(id)?;
        self.unmark(id, Mark::Withdrawn)?;
        self.unmark(id, Mark::Pinned)
    }

    /// Removes the files of a generation without a manifest, and its report, which no later run would find.
    fn remove_rest(&self, id: &GenerationId) -> Result<()> {
        self.remove_report(id)?;
        self.objects.remove_all(&format!("{GENERATIONS}/{id}"))
    }
}
