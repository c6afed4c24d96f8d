//! Which generation is published, and how that changes: by comparison with what was seen, or not at all.

use std::path::PathBuf;

use super::objects::Version;
use super::{Mark, Repository};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::CURRENT;
use crate::manifest::Verdict;

/// `CURRENT` as it was at one moment, to move it from.
#[derive(Debug, Clone)]
pub struct Pointer {
    content: Option<String>,
    version: Version,
    /// Where it is, for messages.
    path: PathBuf,
}

impl Repository {
    /// `CURRENT` as it is now.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Remote`], as for every call.
    pub fn pointer(&self) -> Result<Pointer> {
        let path = self.objects.path(CURRENT);
        Ok(match self.objects.read(CURRENT)? {
            None => Pointer { content: None, version: Version::ABSENT, path },
            Some((bytes, version)) => {
                Pointer { content: Some(String::from_utf8_lossy(&bytes).into_owned()), version, path }
            }
        })
    }

    /// The published generation; `None` while nothing was ever published.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where `CURRENT` names nothing that could be one.
    pub fn current(&self) -> Result<Option<GenerationId>> {
        self.pointer()?.generation()
    }

    /// Points `CURRENT` at a whole generation, provided that it still is what `seen` says: after it returns, that
    /// outlives a power cut.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where the generation has no manifest, [`Error::Damaged`] where a file of it is missing or
    /// has another length, [`Error::Overtaken`] where `CURRENT` was moved by another.
    pub fn publish(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        self.check_files(&self.manifest(id)?)?;
        self.point_at(id, seen)
    }

    /// Points `CURRENT` at a generation that was looked at.
    fn point_at(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        if self.objects.replace(CURRENT, format!("{id}\n").as_bytes(), &seen.version)? {
            return Ok(());
        }
        let now = self.pointer()?;
        let name = |pointer: &Pointer| pointer.content.as_deref().map_or("nothing", str::trim_end).to_owned();
        Err(Error::Overtaken { generation: id.clone(), from: name(seen), to: name(&now) })
    }

    /// Goes back (or forward) to a generation and says so of the one that was published. Without `to`, to the newest
    /// whole one before it that no gate refused. Returns the one left and the one that is published now.
    ///
    /// # Errors
    /// [`Error::NowhereToGo`] where there is none; [`Error::Overtaken`]; those of [`Repository::manifest`] for the one
    /// that was named.
    pub fn roll_back(
        &self,
        to: Option<&GenerationId>,
        note: &str,
    ) -> Result<(Option<GenerationId>, GenerationId)> {
        let seen = self.pointer()?;
        // A name that is none is what somebody may want to get away from.
        let from = seen.generation().ok().flatten();
        let to = match to {
            Some(id) => id.clone(),
            None => self.before(from.as_ref())?,
        };
        self.check_files(&self.manifest(&to)?)?;
        if from.as_ref() == Some(&to) {
            return Ok((from, to));
        }
        // Said first: should this end here, the next run knows at least that somebody was not content.
        if let Some(from) = &from {
            self.mark(from, Mark::Withdrawn, note)?;
        }
        self.point_at(&to, &seen)?;
        // It may have been removed while we pointed at it.
        self.manifest(&to)?;
        self.unmark(&to, Mark::Withdrawn)?;
        Ok((from, to))
    }

    /// The newest whole generation before another that was good enough to be published and was not given up.
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
        Err(Error::NowhereToGo { location: self.location.to_string() })
    }
}

impl Pointer {
    /// The generation that it names; `None` where nothing was ever published.
    ///
    /// # Errors
    /// [`Error::BadCurrent`] where it names nothing that could be one.
    pub fn generation(&self) -> Result<Option<GenerationId>> {
        let Some(text) = &self.content else { return Ok(None) };
        let text = text.trim_end();
        text.parse().map(Some).map_err(|_| Error::BadCurrent {
            path: self.path.clone(),
            found: text.chars().take(80).collect(),
        })
    }
}
