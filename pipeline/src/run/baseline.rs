//! The state before a run: the generation to compare with, and whether anything has changed since it was made.
//!
//! A change is one of content: the digests of the input files and of the program, or the settings.

use jiff::SignedDuration;
use reading::OpenInput;
use store::manifest::{Account, Manifest, Verdict};
use store::repository::{Mark, Pointer};
use store::{GenerationId, Location, Repository};

use super::{Outcome, RunSettings};
use crate::error::{Error, Result};
use crate::gate::{Baseline, Past};

/// If a run would reproduce a generation that exists, returns its manifest and the outcome to report.
pub(super) fn unchanged(
    repository: &Repository,
    baseline: &Baseline,
    input: &OpenInput,
    program: &str,
    settings: &RunSettings,
) -> Result<Option<(Outcome, Manifest)>> {
    if settings.always || program.is_empty() {
        return Ok(None);
    }
    let parameters = settings.parameters();
    let is_same = |manifest: &Manifest| {
        let Account { source, program: by, parameters: with, .. } = &manifest.account;
        Ok::<_, Error>(
            by == program && *with == parameters && input.is(source)? && is_whole(repository, manifest),
        )
    };
    if let Some(published) = baseline.published()
        && is_same(published)?
    {
        return Ok(Some((Outcome::Unchanged, published.clone())));
    }
    // So is one whose manifest cannot be read.
    let withdrawn = repository.marked(Mark::Withdrawn)?.into_keys().rev();
    for manifest in withdrawn.filter_map(|id| repository.manifest(&id).ok()) {
        if is_same(&manifest)? {
            return Ok(Some((Outcome::Withdrawn, manifest)));
        }
    }
    Ok(None)
}

/// Whether the files of a generation are as they were written; one that is damaged is computed again. In a bucket, where
/// reading costs a download and the store keeps checksums of its own, only the lengths are compared.
fn is_whole(repository: &Repository, manifest: &Manifest) -> bool {
    let checked = match repository.location() {
        Location::Directory(_) => repository.check_digests(manifest),
        Location::Bucket { .. } => repository.check_lengths(manifest),
    };
    if let Err(damage) = &checked {
        tracing::warn!("generation {} is computed again: {damage}", manifest.generation);
    }
    checked.is_ok()
}

/// The age of the oldest generation that a run is compared with, counted back from the published one.
const TWO_WEEKS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The most generations that are looked at for it.
const MOST_LOOKED_AT: usize = 64;

/// Reads the manifest and the sample of the published generation. If they cannot be read, returns the newest generation
/// that passed the gate and was not withdrawn.
pub(super) fn read(repository: &Repository, seen: &Pointer) -> Result<Baseline> {
    let past = match seen.generation() {
        Ok(None) => return Ok(Baseline::None("nothing was published before".to_owned())),
        Ok(Some(id)) => past(repository, &id),
        Err(unreadable) => Err(unreadable),
    };
    match past {
        Ok(past) => Ok(Baseline::Published(Box::new(past))),
        // After an upgrade that changes the format, no generation can be read. Nothing is damaged.
        Err(e @ store::Error::OtherFormat { .. }) => {
            tracing::warn!("no comparison with the published generation: {e}");
            Ok(Baseline::None(e.to_string()))
        }
        Err(
            e @ (store::Error::BadCurrent { .. }
            | store::Error::NoSuchGeneration { .. }
            | store::Error::Incomplete { .. }
            | store::Error::Damaged { .. }),
        ) => instead_of_published(repository, e.to_string()),
        Err(other) => Err(other.into()),
    }
}

/// Returns the newest generation that passed the gate and was not withdrawn, for a published one that cannot be read.
fn instead_of_published(repository: &Repository, problem: String) -> Result<Baseline> {
    let withdrawn = repository.marked(Mark::Withdrawn)?;
    let ids = repository.generations()?.into_iter().rev().filter(|id| !withdrawn.contains_key(id));
    let mut readable = ids.filter_map(|id| past(repository, &id).ok());
    let Some(past) = readable.find(|past| past.manifest.account.gate.verdict != Verdict::Refused) else {
        tracing::warn!("no comparison with the published generation: {problem}");
        return Ok(Baseline::Unreadable(problem));
    };
    let id = &past.manifest.generation;
    tracing::warn!("compared with {id} instead of the published generation: {problem}");
    Ok(Baseline::Earlier { past: Box::new(past), problem })
}

fn past(repository: &Repository, id: &GenerationId) -> store::Result<Past> {
    let manifest = repository.manifest(id)?;
    let sample = repository.sample(&manifest)?;
    Ok(Past { manifest, sample })
}

/// Returns the oldest generation of the two weeks before the baseline, so that losses which each run passes do not add up
/// unnoticed. `None` where there is no older one with a sample.
///
/// Each manifest names the generation that it was compared with, and these are followed back. What a person published
/// against the gate is as it should be, so nothing older is looked at. Neither is what was pruned.
pub(super) fn anchor(repository: &Repository, baseline: &Baseline) -> Option<Past> {
    let newest = &baseline.past()?.manifest;
    let since = newest.generation.time()?.checked_sub(TWO_WEEKS).ok()?;
    let mut line = Vec::new();
    let mut last = newest.clone();
    while line.len() < MOST_LOOKED_AT
        && last.account.gate.verdict == Verdict::Passed
        && let Some(id) = last.account.gate.baseline.clone()
        && id < last.generation
        && id.time().is_some_and(|time| time >= since)
        && let Ok(manifest) = repository.manifest(&id)
    {
        last = manifest.clone();
        line.push(manifest);
    }
    let mut oldest_first = line.into_iter().rev();
    oldest_first.find_map(|manifest| {
        let sample = repository.sample(&manifest).ok()??;
        Some(Past { manifest, sample: Some(sample) })
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use store::draft::DraftGeneration;
    use store::manifest::{Account, Gate};
    use store::records::TopN;
    use store::sample::{SAMPLE, Sample};

    use super::*;

    /// Adds a small generation with a verdict and returns its id.
    fn add(repository: &Repository, verdict: Verdict) -> store::GenerationId {
        let work = tempfile::tempdir().unwrap();
        let staging = repository.staging(work.path()).unwrap();
        let mut writer = DraftGeneration::create(staging.dir()).unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        let gate = Gate { verdict, ..Gate::default() };
        let manifest = writer.finish().unwrap().seal(Account { gate, ..Account::default() }).unwrap();
        repository.add(&staging, &manifest, |_| ()).unwrap();
        manifest.generation
    }

    /// Adds a generation of an age, which was compared with another one and has a sample.
    fn add_at(
        repository: &Repository,
        days_ago: i64,
        verdict: Verdict,
        before: Option<&GenerationId>,
    ) -> GenerationId {
        let now: jiff::Timestamp = "2026-11-28T02:30:00Z".parse().unwrap();
        let id = GenerationId::at(now - SignedDuration::from_hours(24 * days_ago));
        let work = tempfile::tempdir().unwrap();
        let staging = repository.staging(work.path()).unwrap();
        let mut writer = DraftGeneration::create_for(&id, staging.dir()).unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        fs::write(writer.dir().join(SAMPLE), Sample::default().encode().unwrap()).unwrap();
        let gate = Gate { verdict, baseline: before.cloned(), ..Gate::default() };
        let manifest = writer.finish().unwrap().seal(Account { gate, ..Account::default() }).unwrap();
        repository.add(&staging, &manifest, |_| ()).unwrap();
        id
    }

    #[test]
    fn the_anchor_is_the_oldest_of_two_weeks_and_none_before_what_a_person_published() {
        let anchor_of = |line: &[(i64, Verdict)]| {
            let dir = tempfile::tempdir().unwrap();
            let repository = Repository::in_directory(dir.path());
            let mut ids: Vec<GenerationId> = Vec::new();
            for &(days_ago, verdict) in line {
                ids.push(add_at(&repository, days_ago, verdict, ids.last()));
            }
            let last = past(&repository, ids.last().unwrap()).unwrap();
            let anchor = anchor(&repository, &Baseline::Published(Box::new(last)))?;
            assert!(anchor.sample.is_some());
            ids.iter().position(|id| *id == anchor.manifest.generation).map(|place| line[place].0)
        };
        let passed = |days: &[i64]| days.iter().map(|&days| (days, Verdict::Passed)).collect::<Vec<_>>();
        assert_eq!(anchor_of(&passed(&[3])), None);
        assert_eq!(anchor_of(&passed(&[9, 3, 1])), Some(9));
        assert_eq!(anchor_of(&passed(&[30, 16, 15, 3, 1])), Some(15), "two weeks before the published one");
        let by_a_person = |verdict, published_on: i64| {
            let mut line = passed(&[9, 5, 3, 1]);
            line.iter_mut().find(|one| one.0 == published_on).unwrap().1 = verdict;
            anchor_of(&line)
        };
        for verdict in [Verdict::Forced, Verdict::Refused] {
            assert_eq!(by_a_person(verdict, 5), Some(5));
            assert_eq!(by_a_person(verdict, 1), None);
        }
    }

    #[test]
    fn a_published_generation_that_cannot_be_read_is_replaced_by_the_newest_that_passed() {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::in_directory(dir.path());
        let found = || {
            let seen = repository.pointer().unwrap();
            read(&repository, &seen).unwrap()
        };
        assert!(matches!(found(), Baseline::None(_)));
        fs::create_dir_all(dir.path()).unwrap();
        fs::write(dir.path().join("CURRENT"), "").unwrap();
        assert!(matches!(found(), Baseline::Unreadable(_)), "there is no other");
        let good = add(&repository, Verdict::Passed);
        add(&repository, Verdict::Refused);
        let Baseline::Earlier { past, problem } = found() else { panic!("{:?}", found()) };
        assert_eq!(past.manifest.generation, good);
        assert!(problem.contains("CURRENT"), "{problem}");

        // The published manifest with one bit changed.
        let published = add(&repository, Verdict::Passed);
        fs::write(dir.path().join("CURRENT"), format!("{published}\n")).unwrap();
        assert_eq!(found().published().unwrap().generation, published);
        let path = repository.path(&published, "manifest.json");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert_eq!(found().manifest().unwrap().generation, good);
        assert!(found().published().is_none(), "a run must not take it for the published one");
    }
}
