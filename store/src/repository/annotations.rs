//! What people said of generations.

use std::collections::BTreeMap;

use super::Repository;
use crate::error::Result;
use crate::ids::GenerationId;

/// What people say of a generation, beside it: it never changes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It is not to be removed.
    Pinned,
    /// It was published and somebody went back to another.
    Withdrawn,
}

impl Repository {
    /// Marks a generation, with a note that says why.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn mark(&self, id: &GenerationId, mark: Mark, note: &str) -> Result<()> {
        self.objects.write(&mark.key(id), format!("{note}\n").as_bytes())
    }

    /// Takes a mark from a generation, if it has it.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn unmark(&self, id: &GenerationId, mark: Mark) -> Result<()> {
        self.objects.remove(&mark.key(id))
    }

    /// The generations that are marked, and why.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
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
}

impl Mark {
    fn folder(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn key(self, id: &GenerationId) -> String {
        format!("{}/{id}", self.folder())
    }
}
