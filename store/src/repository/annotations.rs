//! Annotations of generations, beside them because a generation never changes: marks by people, and the report of its run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Repository;
use crate::error::Result;
use crate::ids::GenerationId;
use crate::layout::{self, REPORTS};

/// The page that redirects to the newest report.
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
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn mark(&self, id: &GenerationId, mark: Mark, note: &str) -> Result<()> {
        self.objects.write(&mark.key(id), format!("{note}\n").as_bytes())
    }

    /// Removes a mark of a generation, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn unmark(&self, id: &GenerationId, mark: Mark) -> Result<()> {
        self.objects.remove(&mark.key(id))
    }

    /// The marked generations with their notes.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn marked(&self, mark: Mark) -> Result<BTreeMap<GenerationId, String>> {
        let mut marked = BTreeMap::new();
        for name in self.objects.names(mark.folder())? {
            let Ok(id) = name.parse::<GenerationId>() else { continue };
            if let Some((note, _)) = self.objects.read(&mark.key(&id))? {
                marked.insert(id, String::from_utf8_lossy(&note).trim_end().to_owned());
            }
        }
        Ok(marked)
    }

    /// Writes the report of a run, a page of HTML, and lets `latest.html` redirect to it. A report contains ratings of
    /// users, so it is removed with its generation ([`Repository::remove`]). Returns the place of the report, for messages.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote); the generation is not affected.
    pub fn put_report(&self, id: &GenerationId, page: &[u8]) -> Result<PathBuf> {
        let key = layout::report_key(id);
        self.objects.write(&key, page)?;
        let redirect = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>The newest report</title>\
             <meta http-equiv=\"refresh\" content=\"0; url={id}.html\"><a href=\"{id}.html\">The newest report</a>\n"
        );
        self.objects.write(&format!("{REPORTS}/{LATEST}"), redirect.as_bytes())?;
        Ok(self.objects.path(&key))
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
