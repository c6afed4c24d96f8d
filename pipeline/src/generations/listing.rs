//! The list of all generations of a repository, each with its state.

use std::collections::BTreeMap;

use serde::Serialize;
use store::manifest::{Manifest, Verdict};
use store::repository::Mark;
use store::{GenerationId, Repository};

use crate::error::Result;

/// A generation and its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: GenerationId,
    /// Its state.
    pub state: State,
    /// Whether it is never removed.
    pub pinned: bool,
    /// The reason of its state or of its pin, if one was given.
    pub note: Option<String>,
    /// The time at which it was sealed.
    pub created_at: Option<jiff::Timestamp>,
    /// The seconds since then.
    pub age_seconds: Option<i64>,
    /// The bytes of its files.
    pub bytes: Option<u64>,
    /// Users with a list.
    pub users: Option<u64>,
    /// The metrics on held-out ratings.
    pub metrics: BTreeMap<String, f64>,
}

/// The state of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is the one that `CURRENT` names.
    Published,
    /// It is complete and could be published, or was published before.
    Ready,
    /// It was published until a rollback to another.
    Withdrawn,
    /// Its gate refused it.
    Refused,
    /// It has no manifest: it is being written, or its run was killed.
    Incomplete,
    /// Its manifest cannot be read, or is of another release.
    Unreadable,
}

/// Lists all generations, the newest first.
///
/// # Errors
/// [`crate::Error::Store`] if the repository cannot be read. A fault of a single generation is its state, not an error.
pub fn list(repository: &Repository) -> Result<Vec<Entry>> {
    // An invalid CURRENT must not hide the generations that could be published instead.
    let published = repository.pointer()?.generation().ok().flatten();
    let pinned = repository.marked(Mark::Pinned)?;
    let withdrawn = repository.marked(Mark::Withdrawn)?;
    let now = jiff::Timestamp::now();
    let mut entries = Vec::new();
    for id in repository.generations()?.into_iter().rev() {
        let is_published = published.as_ref() == Some(&id);
        let (manifest, state, why) = match repository.manifest(&id) {
            Ok(manifest) => {
                let state = match manifest.account.gate.verdict {
                    _ if is_published => State::Published,
                    _ if withdrawn.contains_key(&id) => State::Withdrawn,
                    Verdict::Refused => State::Refused,
                    Verdict::Passed | Verdict::Forced => State::Ready,
                };
                let why = match state {
                    State::Withdrawn => withdrawn.get(&id).cloned(),
                    State::Refused => Some(failed_checks(&manifest)),
                    _ => manifest.account.gate.reason.as_ref().map(|reason| format!("forced: {reason}")),
                };
                (Some(manifest), state, why)
            }
            Err(store::Error::Incomplete { .. }) => (None, State::Incomplete, None),
            Err(e @ (store::Error::Damaged { .. } | store::Error::OtherFormat { .. })) => {
                (None, State::Unreadable, Some(e.to_string()))
            }
            Err(other) => return Err(other.into()),
        };
        let pin = pinned.get(&id);
        let note = why.or_else(|| pin.cloned()).filter(|note| !note.is_empty());
        let created_at = manifest.as_ref().map(|manifest| manifest.created_at);
        entries.push(Entry {
            state,
            pinned: pin.is_some(),
            note,
            created_at,
            age_seconds: created_at.map(|time| now.duration_since(time).as_secs()),
            bytes: manifest.as_ref().map(|manifest| manifest.files.values().map(|file| file.bytes).sum()),
            users: manifest.as_ref().map(|manifest| manifest.account.counts.users),
            metrics: manifest.map(|manifest| manifest.account.metrics).unwrap_or_default(),
            id,
        });
    }
    Ok(entries)
}

/// Lists the generations that could be published and whose id is later than another.
///
/// # Errors
/// [`crate::Error::Store`] if the repository cannot be read.
pub fn ready_after(repository: &Repository, id: &GenerationId) -> Result<Vec<GenerationId>> {
    let entries = list(repository)?.into_iter();
    let ready = entries.filter(|entry| entry.state == State::Ready && entry.id > *id);
    Ok(ready.map(|entry| entry.id).collect())
}

/// Returns the names of the checks that failed.
fn failed_checks(manifest: &Manifest) -> String {
    let failed = manifest.account.gate.failed().map(|check| check.name.as_str());
    failed.collect::<Vec<_>>().join(", ")
}
