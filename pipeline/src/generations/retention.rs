//! The removal of old generations.

use jiff::SignedDuration;
use serde::Serialize;
use store::repository::RunLock;
use store::{GenerationId, Repository};

use super::listing::{Entry, State, list};
use crate::error::Result;

/// The generations to keep, besides the published one, pinned ones and those that a run may be writing.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The number of ready generations to keep, by the order of publishing, the last first.
    pub keep: usize,
    /// The age up to which every generation is kept.
    pub older_than: SignedDuration,
}

/// The result of a removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The removed generations, oldest first.
    pub removed: Vec<GenerationId>,
    /// Their bytes.
    pub bytes: u64,
    /// The number of removed leftovers of unfinished runs.
    pub leftovers: usize,
    /// The number of generations that are left.
    pub kept: usize,
}

/// Removes the generations that `retention` does not keep; with `dry_run` only returns which those are.
///
/// # Errors
/// [`crate::Error::Store`]; generations that were removed before the error stay removed.
pub fn prune(repository: &Repository, retention: Retention, dry_run: bool) -> Result<Pruned> {
    // Held while the generations are listed, and no longer: a run that begins afterwards does not add to the list.
    let lock = match repository.lock() {
        Ok(lock) => Some(lock),
        Err(store::Error::Locked { .. }) => None,
        Err(other) => return Err(other.into()),
    };
    let leftovers = match &lock {
        // The newest job stays: the next run continues it.
        Some(lock) if !dry_run => repository.sweep(lock, repository.jobs()?.last())?,
        _ => 0,
    };
    let alone = lock.as_ref().is_some_and(RunLock::is_exclusive);
    let entries = list(repository)?;
    drop(lock);
    let expired = retention.expired(&entries, alone);
    if !dry_run {
        expired.iter().try_for_each(|entry| repository.remove(&entry.id))?;
    }
    Ok(Pruned {
        removed: expired.iter().map(|entry| entry.id.clone()).collect(),
        bytes: expired.iter().filter_map(|entry| entry.bytes).sum(),
        leftovers,
        kept: entries.len() - expired.len(),
    })
}

impl Retention {
    /// Returns the entries that are not kept, oldest first; `entries` begin with the newest. Unless `alone`, a run may be
    /// about to publish its generation: then generations that may be that one are kept for a day.
    fn expired<'a>(&self, entries: &'a [Entry], alone: bool) -> Vec<&'a Entry> {
        const DAY: i64 = 24 * 60 * 60;

        let published = entries.iter().find(|entry| entry.state == State::Published);
        let may_be_of_run = |entry: &Entry| {
            !alone
                && (entry.publications_ago.is_none()
                    || published.is_none_or(|published| entry.id > published.id))
        };
        let (mut n_ready, mut at_least) = (0, 0);
        let mut expired = Vec::new();
        for entry in by_publication(entries) {
            let age = age(entry, at_least);
            if entry.publications_ago.is_some() {
                at_least = at_least.max(age);
            }
            let is_kept = match entry.state {
                State::Published | State::Incomplete => true,
                State::Ready => {
                    n_ready += 1;
                    n_ready <= self.keep || (may_be_of_run(entry) && age < DAY)
                }
                // Kept until `older_than`, for inspection.
                State::Withdrawn | State::Refused | State::Unreadable => false,
            };
            if !is_kept && !entry.pinned && age >= self.older_than.as_secs() {
                expired.push(entry);
            }
        }
        expired.sort_by(|a, b| a.id.cmp(&b.id));
        expired
    }
}

/// Returns the entries in the order of publishing, the last first; then those of which no publication is known, in their
/// order.
fn by_publication(entries: &[Entry]) -> Vec<&Entry> {
    let mut ordered: Vec<_> = entries.iter().collect();
    ordered.sort_by_key(|entry| entry.publications_ago.unwrap_or(usize::MAX));
    ordered
}

/// Returns the age of a generation in seconds. One that is dated ahead of the clock is as old as those that were published
/// after it, `at_least`.
fn age(entry: &Entry, at_least: i64) -> i64 {
    match entry.age_seconds.or_else(|| age_by_name(&entry.id)) {
        Some(ahead) if ahead < 0 => at_least,
        Some(age) => age,
        None => i64::MAX,
    }
}

fn age_by_name(id: &GenerationId) -> Option<i64> {
    Some(jiff::Timestamp::now().duration_since(id.time()?).as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn entry(day: u32, state: State, pinned: bool) -> Entry {
        Entry {
            id: format!("202611{day:02}T023000.000Z").parse().unwrap(),
            state,
            pinned,
            note: None,
            created_at: None,
            age_seconds: Some(i64::from(30 - day) * 86_400),
            dated_ahead_seconds: None,
            publications_ago: None,
            bytes: Some(1),
            users: None,
            metrics: BTreeMap::new(),
        }
    }

    #[test]
    fn the_newest_the_young_the_pinned_and_the_published_stay() {
        let entries = [
            entry(29, State::Incomplete, false),
            entry(28, State::Refused, false),
            entry(27, State::Ready, false),
            entry(26, State::Ready, false),
            entry(25, State::Withdrawn, false),
            entry(24, State::Published, false),
            entry(23, State::Ready, true),
            entry(22, State::Ready, false),
            entry(21, State::Unreadable, false),
            entry(20, State::Ready, false),
            entry(1, State::Incomplete, false),
        ];
        let expired = |keep, days: i64| {
            let retention = Retention { keep, older_than: SignedDuration::from_hours(24 * days) };
            let days =
                retention.expired(&entries, true).into_iter().map(|entry| entry.id.as_str()[6..8].to_owned());
            days.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(expired(2, 0), "20 21 22 25 28");
        assert_eq!(expired(2, 5), "20 21 22 25");
        assert_eq!(expired(9, 0), "21 25 28");
        assert_eq!(expired(0, 0), "20 21 22 25 26 27 28");
        assert_eq!(expired(0, 100), "");
    }

    #[test]
    fn a_generation_that_a_run_may_publish_is_kept_for_a_day() {
        let mut entries = [
            entry(29, State::Ready, false),
            entry(28, State::Ready, false),
            entry(27, State::Published, false),
            entry(26, State::Ready, false),
        ];
        entries[0].age_seconds = Some(5);
        let retention = Retention { keep: 0, older_than: SignedDuration::ZERO };
        assert_eq!(retention.expired(&entries, true), [&entries[3], &entries[1], &entries[0]]);
        assert_eq!(retention.expired(&entries, false), [&entries[3], &entries[1]]);
    }

    #[test]
    fn the_order_of_publishing_decides_and_a_generation_that_is_dated_ahead_is_as_old_as_its_successors() {
        let ahead = |mut entry: Entry| {
            entry.id = format!("2{}", &entry.id.as_str()[1..]).replace("2026", "2926").parse().unwrap();
            entry.dated_ahead_seconds = entry.age_seconds.take();
            entry
        };
        let published = |mut entry: Entry, ago| {
            entry.publications_ago = Some(ago);
            entry
        };
        let entries = [
            published(ahead(entry(1, State::Ready, false)), 2),
            published(entry(20, State::Published, false), 0),
            published(entry(10, State::Ready, false), 1),
            published(entry(15, State::Ready, false), 3),
            entry(9, State::Ready, false),
        ];
        let expired = |keep, days: i64| {
            let retention = Retention { keep, older_than: SignedDuration::from_hours(24 * days) };
            retention.expired(&entries, true).into_iter().map(|entry| &entry.id).collect::<Vec<_>>()
        };
        let [ahead, _, tenth, fifteenth, ninth] = entries.each_ref().map(|entry| &entry.id);
        assert_eq!(expired(0, 0), [ninth, tenth, fifteenth, ahead]);
        assert_eq!(expired(1, 0), [ninth, fifteenth, ahead], "the last published one is kept");
        assert_eq!(expired(2, 0), [ninth, fifteenth]);
        assert_eq!(expired(3, 0), [ninth]);
        // The generation after it is twenty days old.
        assert_eq!(expired(0, 20), [ninth, tenth, ahead]);
        assert_eq!(expired(0, 21), [ninth]);
    }
}
