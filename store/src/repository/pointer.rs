//! The pointer `CURRENT` to the published generation, with a short history of what was published before. It is replaced by
//! compare-and-swap.
//!
//! ```text
//! 20261124T023000.125Z    the published generation
//! 20261123T023000.125Z    those before it, the last one first
//! ```
//!
//! The history is the order of publishing, which the times in the ids need not follow: a clock may be wrong. A pointer
//! without a history, of an earlier release or written by a person, is valid.

use std::path::PathBuf;

use super::objects::Version;
use super::{Mark, Repository};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::CURRENT;
use crate::manifest::Verdict;

/// The maximum number of ids in `CURRENT`.
const MAX_HISTORY: usize = 200;

/// The content of `CURRENT` at one moment, for compare-and-swap.
#[derive(Debug, Clone)]
pub struct Pointer {
    content: Option<String>,
    version: Version,
    /// The place of `CURRENT`, for messages.
    path: PathBuf,
}

/// A completed [rollback](Repository::roll_back).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The generation that was published before; `None` where `CURRENT` named none.
    pub from: Option<GenerationId>,
    /// The generation that is published now.
    pub to: GenerationId,
    /// Whether it is known that `to` was published before.
    pub again: bool,
}

impl Repository {
    /// Reads `CURRENT`.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is no regular file, or too long; [`Error::Io`], [`Error::Remote`].
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
    /// [`Error::BadCurrent`] where `CURRENT` does not begin with an id; [`Error::Damaged`], [`Error::Io`],
    /// [`Error::Remote`].
    pub fn current(&self) -> Result<Option<GenerationId>> {
        self.pointer()?.generation()
    }

    /// Publishes a complete generation: points `CURRENT` at it, if `CURRENT` still is as it was `seen`. The change survives
    /// a power failure.
    ///
    /// # Errors
    /// [`Error::NoSuchGeneration`]; [`Error::Incomplete`] where the generation has no manifest; [`Error::OtherFormat`];
    /// [`Error::Damaged`] where a file is missing or has another length; [`Error::Overtaken`] where another process has
    /// changed `CURRENT`; [`Error::Io`], [`Error::Remote`].
    pub fn publish(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        self.check_lengths(&self.manifest(id)?)?;
        self.point_at(id, seen)
    }

    /// Points `CURRENT` at a generation whose files were checked.
    fn point_at(&self, id: &GenerationId, seen: &Pointer) -> Result<()> {
        if self.objects.replace(CURRENT, seen.followed_by(id).as_bytes(), &seen.version)? {
            return Ok(());
        }
        let (from, to) = (seen.name().to_owned(), self.pointer()?.name().to_owned());
        Err(Error::Overtaken { generation: id.clone(), from, to })
    }

    /// Publishes an earlier (or later) generation and marks the published one as withdrawn. Every file of the target is
    /// read and compared with its manifest before.
    ///
    /// Without `to`, the target is the generation that was published before the current one: the last in the history that
    /// is complete and was neither refused by its gate nor withdrawn. After a rollback that is the one before the target.
    /// Where the history ends, the newest such generation that is dated before counts.
    ///
    /// # Errors
    /// [`Error::NoRollbackTarget`] where there is none; [`Error::Overtaken`]; [`Error::NoSuchGeneration`],
    /// [`Error::Incomplete`], [`Error::OtherFormat`] or [`Error::Damaged`] for the target; [`Error::Io`],
    /// [`Error::Remote`].
    pub fn roll_back(&self, to: Option<&GenerationId>, note: &str) -> Result<Rollback> {
        let seen = self.pointer()?;
        // An invalid pointer is a reason to roll back, not an error.
        let from = seen.generation().ok().flatten();
        let to = match to {
            Some(id) => id.clone(),
            None => self.before(&seen)?,
        };
        let manifest = self.manifest(&to)?;
        let again = seen.history().contains(&to);
        let done = Rollback { from, to, again };
        if done.from.as_ref() == Some(&done.to) {
            return Ok(done);
        }
        self.check_digests(&manifest)?;
        // Marked first: if this process ends here, the mark is known and the rollback can be repeated.
        if let Some(from) = &done.from {
            self.mark(from, Mark::Withdrawn, note)?;
        }
        self.point_at(&done.to, &seen)?;
        // It may have been removed in the meantime.
        self.manifest(&done.to)?;
        self.unmark(&done.to, Mark::Withdrawn)?;
        Ok(done)
    }

    /// The target of a rollback without an id.
    fn before(&self, seen: &Pointer) -> Result<GenerationId> {
        let (withdrawn, history) = (self.marked(Mark::Withdrawn)?, seen.history());
        let published = seen.generation().ok().flatten();
        let mut stack = standing(&history);
        // Before the history began, nothing but the times in the ids is known.
        let first = stack.first().cloned();
        let older = self
            .generations()?
            .into_iter()
            .rev()
            .filter(|id| !history.contains(id) && first.as_ref().is_none_or(|first| id < first));
        stack.reverse();
        let candidates = stack.into_iter().chain(older);
        for id in candidates.filter(|id| published.as_ref() != Some(id) && !withdrawn.contains_key(id)) {
            match self.manifest(&id) {
                Ok(manifest) if manifest.account.gate.verdict != Verdict::Refused => return Ok(id),
                Ok(_) => {}
                Err(
                    Error::NoSuchGeneration { .. }
                    | Error::Incomplete { .. }
                    | Error::OtherFormat { .. }
                    | Error::Damaged { .. },
                ) => {}
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
    /// [`Error::BadCurrent`] where it does not begin with an id.
    pub fn generation(&self) -> Result<Option<GenerationId>> {
        if self.content.is_none() {
            return Ok(None);
        }
        let first = self.name();
        first.parse().map(Some).map_err(|_| Error::BadCurrent {
            path: self.path.clone(),
            found: first.chars().take(80).collect(),
        })
    }

    /// The published generations as far as they are known, the last first. A generation that was published several times is there
    /// several times.
    #[must_use]
    pub fn history(&self) -> Vec<GenerationId> {
        let lines = self.content.as_deref().unwrap_or_default().lines();
        lines.filter_map(|line| line.trim_end().parse().ok()).take(MAX_HISTORY).collect()
    }

    /// The content once another generation is published.
    fn followed_by(&self, id: &GenerationId) -> String {
        let mut history = self.history();
        if history.first() != Some(id) {
            history.insert(0, id.clone());
        }
        history.iter().take(MAX_HISTORY).map(|id| format!("{id}\n")).collect()
    }

    /// The first line, for messages.
    fn name(&self) -> &str {
        let content = self.content.as_deref().unwrap_or("nothing");
        content.lines().next().unwrap_or_default().trim_end()
    }
}

/// The generations that a rollback can go back through, the first published first: a history without those that were
/// published after a generation which was published again.
fn standing(history: &[GenerationId]) -> Vec<GenerationId> {
    let mut stack: Vec<GenerationId> = Vec::new();
    for id in history.iter().rev() {
        match stack.iter().position(|earlier| earlier == id) {
            Some(at) => stack.truncate(at + 1),
            None => stack.push(id.clone()),
        }
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> GenerationId {
        format!("202611{number:02}T023000.000Z").parse().unwrap()
    }

    fn pointer(content: &str) -> Pointer {
        Pointer { content: Some(content.to_owned()), version: Version::ABSENT, path: "CURRENT".into() }
    }

    #[test]
    fn what_was_published_stays_in_the_pointer_in_its_order_and_is_bounded() {
        let mut content = "20261120T023000.000Z".to_owned();
        for number in [7, 21, 21, 7] {
            content = pointer(&content).followed_by(&id(number));
        }
        assert_eq!(pointer(&content).generation().unwrap(), Some(id(7)));
        assert_eq!(pointer(&content).history(), [7, 21, 7, 20].map(id));
        for number in 0..MAX_HISTORY {
            content = pointer(&content).followed_by(&id(number % 28));
        }
        assert_eq!(pointer(&content).history().len(), MAX_HISTORY);
        assert!((content.len() as u64) < crate::layout::max_bytes(CURRENT));
    }

    #[test]
    fn a_pointer_without_an_id_is_named_by_its_first_line() {
        for content in ["", "\n", "no id\n20261120T023000.000Z\n"] {
            let error = pointer(content).generation().unwrap_err();
            assert!(matches!(error, Error::BadCurrent { .. }), "{error}");
        }
        assert_eq!(pointer("no id\n20261120T023000.000Z\n").history(), [id(20)]);
        assert_eq!(pointer("20261120T023000.000Z\r\n").generation().unwrap(), Some(id(20)));
    }

    #[test]
    fn going_back_forgets_what_was_published_since_and_publishing_does_not() {
        let standing_of = |published: &[usize]| {
            let history: Vec<_> = published.iter().rev().map(|&number| id(number)).collect();
            standing(&history)
        };
        assert_eq!(standing_of(&[]), []);
        assert_eq!(standing_of(&[3, 1, 2]), [3, 1, 2].map(id));
        // Back to 1, and another run.
        assert_eq!(standing_of(&[3, 1, 2, 1, 4]), [3, 1, 4].map(id));
        // Back to 3, and forward to 2 again.
        assert_eq!(standing_of(&[3, 1, 2, 3, 2]), [3, 2].map(id));
    }
}
