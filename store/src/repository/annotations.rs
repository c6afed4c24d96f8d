//! Annotations of generations, beside them because a generation never changes: marks by people, and the report of its run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::Repository;
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{self, REPORTS};

/// The name of the copy of the newest report.
const LATEST: &str = "latest.html";

/// A mark of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Pruning does not remove it.
    Pinned,
    /// It was published, and rolled back to another.
    Withdrawn,
}

impl Repository {
    /// Marks a generation, with a note.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn mark(&self, id: &GenerationId, mark: Mark, note: &str) -> Result<()> {
        self.objects.write(&mark.key(id), format!("{note}\n").as_bytes())
    }

    /// Removes a mark of a generation, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn unmark(&self, id: &GenerationId, mark: Mark) -> Result<()> {
        self.objects.remove(&mark.key(id))
    }

    /// The marked generations with their notes. A note that cannot be read does not unmark a generation.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn marked(&self, mark: Mark) -> Result<BTreeMap<GenerationId, String>> {
        let mut marked = BTreeMap::new();
        for name in self.objects.names(mark.folder())? {
            let Ok(id) = name.parse::<GenerationId>() else { continue };
            let note = match self.objects.read(&mark.key(&id)) {
                Ok(Some((note, _))) => String::from_utf8_lossy(&note).trim_end().to_owned(),
                Ok(None) => continue,
                Err(e @ (Error::Damaged { .. } | Error::Io { .. })) => {
                    tracing::warn!("generation {id} is {mark}, and the note about it cannot be read: {e}");
                    "the note cannot be read".to_owned()
                }
                Err(other) => return Err(other),
            };
            marked.insert(id, note);
        }
        Ok(marked)
    }

    /// Writes the report of a run, a page of HTML, and a copy as `latest.html`. A report contains ratings of users, so both
    /// are removed with the generation ([`Repository::remove`]). Returns the place of the report, for messages.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`]; the generation is not affected.
    pub fn put_report(&self, id: &GenerationId, page: &[u8]) -> Result<PathBuf> {
        let key = layout::report_key(id);
        self.objects.write(&key, page)?;
        self.objects.write(&latest_key(), page)?;
        Ok(self.objects.path(&key))
    }

    /// Removes the report of a generation, if there is one. If `latest.html` is a copy of it, it becomes a copy of the newest
    /// other report, or is removed.
    pub(super) fn remove_report(&self, id: &GenerationId) -> Result<()> {
        let key = layout::report_key(id);
        let Some((page, _)) = self.objects.read(&key)? else { return Ok(()) };
        if self.objects.read(&latest_key())?.is_some_and(|(latest, _)| latest == page) {
            // The copy first: after an interruption the report is still there to compare it with.
            match self.newest_report_but(id)? {
                Some(other) => self.objects.write(&latest_key(), &other)?,
                None => self.objects.remove(&latest_key())?,
            }
        }
        self.objects.remove(&key)
    }

    /// The newest report of another generation.
    fn newest_report_but(&self, id: &GenerationId) -> Result<Option<Vec<u8>>> {
        let names = self.objects.names(REPORTS)?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".html")?.parse::<GenerationId>().ok());
        let Some(newest) = ids.filter(|other| other != id).max() else { return Ok(None) };
        Ok(self.objects.read(&layout::report_key(&newest))?.map(|(page, _)| page))
    }
}

/// The key of the copy of the newest report.
fn latest_key() -> String {
    format!("{REPORTS}/{LATEST}")
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

impl Mark {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn key(self, id: &GenerationId) -> String {
        format!("{}/{id}", self.folder())
    }
}
