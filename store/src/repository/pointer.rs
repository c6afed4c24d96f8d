//! The pointer `CURRENT` to the published generation. It is replaced by compare-and-swap.

use std::path::PathBuf;

use super::objects::Version;
use super::{Mark, Repository};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::CURRENT;
use crate::manifest::Verdict;

/// The content of `CURRENT` at one moment, for compare-and-swap.
#[derive(Debug, Clone)]
pub struct Pointer {
    content: Option<String>,
    version: Version,
    /// The place of `CURRENT`, for messages.
    path: PathBuf,
}

impl Repository {
    /// Reads `CURRENT`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn pointer(&self) -> Result<Pointer> {
        let path = self.objects.path(CURRENT);
        Ok(match self.objects.read(CURRENT)? {
            None => Pointer { content: None, version: Version::ABSENT, path },
            Some((bytes, version)) => {
                Pointer { content: Some(String::from_utf8_lossy(&bytes).into_owned()), version, path }
            }
        })
    }

    /// The published generation; `None` where nothing was published yet.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where `CURRENT` does not hold an id; [`Error::Io`], [`Error::Remote`].
    pub fn current(&self) -> Result<Option<GenerationId>> {
        self.pointer()?.generation()
    }

    /// Publishes a complete generation: points `CURRENT` at it, if `CURRENT` still is as it was `seen`. The change survives
    /// a power failure.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where the generation has no manifest; [`Error::OtherFormat`]; [`Error::Damaged`] where a file
    /// is missing or has another length; [`Error::Overtaken`] where another process has changed `CURRENT`;
    /// [`Error::Io`], [`Error::Remote`].
    pub fn publish(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        self.check_files(&self.manifest(id)?)?;
        self.point_at(id, seen)
    }

    /// Points `CURRENT` at a generation whose files were checked.
    fn point_at(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        if self.objects.replace(CURRENT, format!("{id}\n").as_bytes(), &seen.version)? {
            return Ok(());
        }
        let now = self.pointer()?;
        let name = |pointer: &Pointer| pointer.content.as_deref().map_or("nothing", str::trim_end).to_owned();
        Err(Error::Overtaken { generation: id.clone(), from: name(seen), to: name(&now) })
    }

    /// Publishes an earlier (or later) generation and marks the published one as withdrawn. Without `to`, the target is the
    /// newest complete generation before the published one that was not refused by its gate or withdrawn. Returns the
    /// generation that was published before, and the one that is published now.
    ///
    /// # Errors
    /// [`Error::NoRollbackTarget`] where there is none; [`Error::Overtaken`]; [`Error::Incomplete`],
    /// [`Error::OtherFormat`] or [`Error::Damaged`] for the target; [`Error::Io`], [`Error::Remote`].
    pub fn roll_back(
        &self,
        to: Option<&GenerationId>,
        note: &str,
    ) -> Result<(Option<GenerationId>, GenerationId)> {
        let seen = self.pointer()?;
        // An invalid pointer is a reason to roll back, not an error.
        let from = seen.generation().ok().flatten();
        let to = match to {
            Some(id) => id.clone(),
            None => self.before(from.as_ref())?,
        };
        self.check_files(&self.manifest(&to)?)?;
        if from.as_ref() == Some(&to) {
            return Ok((from, to));
        }
        // Marked first: if this process ends here, the mark is known and the rollback can be repeated.
        if let Some(from) = &from {
            self.mark(from, Mark::Withdrawn, note)?;
        }
        self.point_at(&to, &seen)?;
        // It may have been removed in the meantime.
        self.manifest(&to)?;
        self.unmark(&to, Mark::Withdrawn)?;
        Ok((from, to))
    }

    /// The newest complete generation before `from` that was neither refused nor withdrawn.
    fn before(&self, from: Option<&GenerationId>) -> Result<GenerationId> {
        let withdrawn = self.marked(Mark::Withdrawn)?;
        let earlier = self.generations()?.into_iter().rev();
        for id in earlier.filter(|id| from.is_none_or(|from| id < from) && !withdrawn.contains_key(id)) {
            match self.manifest(&id) {
                Ok(manifest) if manifest.account.gate.verdict != Verdict::Refused => return Ok(id),
                Ok(_) | Err(Error::Incomplete { .. } | Error::OtherFormat { .. } | Error::Damaged { .. }) => {
                }
                Err(other) => return Err(other),
            }
        }
        Err(Error::NoRollbackTarget { location: self.location.to_string() })
    }
}

impl Pointer {
    /// The generation that `CURRENT` names; `None` where nothing was published yet.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where it does not hold an id.
    pub fn generation(&self) -> Result<Option<GenerationId>> {
        let Some(text) = &self.content else { return Ok(None) };
        let text = text.trim_end();
        text.parse().map(Some).map_err(|_| Error::BadCurrent {
            path: self.path.clone(),
            found: text.chars().take(80).collect(),
        })
    }
}
