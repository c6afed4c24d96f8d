//! How generations go: those that nobody needs, and those that were never finished.

use super::{Mark, Repository, RunLock};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, GENERATIONS, JOBS, MANIFEST};

/// How old an unfinished generation in a bucket must be before it is taken for abandoned: no run takes so long.
const ABANDONED: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Repository {
    /// Removes what runs that were killed have left: generations without a manifest, and jobs, of those that are whole and
    /// of others, but for one that is to be gone on with. Those that others may be writing stay. Returns how many generations were removed.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn sweep(&self, lock: &RunLock, kept: Option<&GenerationId>) -> Result<usize> {
        let now = jiff::Timestamp::now();
        // Without a lock, age has to tell.
        let abandoned = |id: &GenerationId| {
            let is_old = || id.time().is_none_or(|time| now.duration_since(time) > ABANDONED);
            kept != Some(id) && (lock.is_exclusive() || is_old())
        };
        for id in self.ids(JOBS)? {
            if abandoned(&id) || self.is_whole(&id)? {
                self.job(id).end()?;
            }
        }
        let mut n_removed = 0;
        for id in self.generations()?.into_iter().filter(abandoned) {
            if !self.is_whole(&id)? {
                tracing::info!(generation = %id, "removing what a run has left unfinished");
                self.remove_rest(&id)?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    /// Removes a generation, its report, and what was said of it. It stops being whole first, so that what is left of
    /// it, should this be interrupted, is swept by the next run and never read.
    ///
    /// # Errors
    /// [`Error::InUse`] for the published generation.
    pub fn remove(&self, id: &GenerationId) -> Result<()> {
        let manifest = layout::key(id, MANIFEST);
        let kept = self.objects.read(&manifest)?;
        let published = || Ok::<_, Error>(self.current()?.as_ref() == Some(id));
        let in_use = || Error::InUse { generation: id.clone(), location: self.location.to_string() };
        if published()? {
            return Err(in_use());
        }
        self.objects.remove(&manifest)?;
        // Looked at again: who goes back to a generation makes sure of its manifest afterwards, so one of the two sees
        // the other.
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

    /// Removes what is no generation any more: the report first, which nobody would look for afterwards.
    fn remove_rest(&self, id: &GenerationId) -> Result<()> {
        self.objects.remove(&layout::report_key(id))?;
        self.objects.remove_all(&format!("{GENERATIONS}/{id}"))
    }
}
