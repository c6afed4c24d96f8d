//! Publishing, rollback, marks, removal and locks of a repository in a directory.

#![allow(clippy::unwrap_used, reason = "a test may insist: its panic is the report")]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use store::draft::DraftGeneration;
use store::layout;
use store::manifest::{Account, FileDigest, Gate, Verdict};
use store::records::TopN;
use store::repository::{Bandwidth, Mark};
use store::shards::Owned;
use store::{Error, GenerationId, Repository};
use tempfile::TempDir;

/// A repository in a directory of its own.
struct Site {
    dir: TempDir,
    repository: Repository,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::in_directory(dir.path());
        Self { dir, repository }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn generation(&self, verdict: Verdict) -> GenerationId {
        let mut writer = DraftGeneration::create(self.path()).unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        let gate = Gate { verdict, ..Gate::default() };
        writer.finish().unwrap().seal(Account { gate, ..Account::default() }).unwrap().generation
    }

    fn publish(&self, id: &GenerationId) {
        self.repository.publish(id, &self.repository.pointer().unwrap()).unwrap();
    }

    fn published(&self) -> GenerationId {
        let id = self.generation(Verdict::Passed);
        self.publish(&id);
        id
    }

    fn current(&self) -> Option<GenerationId> {
        self.repository.current().unwrap()
    }
}

#[test]
fn nothing_is_current_until_something_is_published() {
    let site = Site::new();
    assert_eq!(site.current(), None);
    assert_eq!(site.repository.generations().unwrap(), []);
    let id = site.generation(Verdict::Passed);
    assert_eq!(site.current(), None);
    site.publish(&id);
    assert_eq!(site.current(), Some(id.clone()));
    assert_eq!(site.repository.generations().unwrap(), [id]);
}

#[test]
fn current_is_replaced_only_if_it_is_as_it_was_seen() {
    let site = Site::new();
    let (first, second, third) =
        (site.published(), site.generation(Verdict::Passed), site.generation(Verdict::Passed));
    let seen = site.repository.pointer().unwrap();
    site.repository.publish(&second, &seen).unwrap();
    let error = site.repository.publish(&third, &seen).unwrap_err();
    assert!(matches!(error, Error::Overtaken { .. }), "{error}");
    let error = error.to_string();
    for says in [first.as_str(), second.as_str(), third.as_str()] {
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(site.current(), Some(second.clone()));
    // Asked twice to do the same, it was done.
    site.repository.publish(&second, &seen).unwrap();
}

#[test]
fn an_invalid_current_is_an_error_that_shows_its_content_and_can_be_replaced() {
    let site = Site::new();
    let id = site.generation(Verdict::Passed);
    fs::write(site.path().join(layout::CURRENT), "../../etc/passwd\n").unwrap();
    let error = site.repository.current().unwrap_err().to_string();
    assert!(error.contains("../../etc/passwd") && error.contains("CURRENT"), "{error}");
    site.publish(&id);
    assert_eq!(site.current(), Some(id));
}

#[test]
fn a_rollback_goes_to_the_newest_good_generation_before_and_marks_the_one_it_leaves() {
    let site = Site::new();
    let (first, second) = (site.published(), site.published());
    site.generation(Verdict::Refused);
    let unsealed = layout::generations_dir(site.path()).join("20990101T000000.000Z");
    fs::create_dir(unsealed).unwrap();
    let last = site.published();
    let back = |to: Option<&GenerationId>| {
        site.repository.roll_back(to, "bad titles").map(|done| (done.from, done.to))
    };

    assert_eq!(back(None).unwrap(), (Some(last.clone()), second.clone()));
    assert_eq!(back(None).unwrap(), (Some(second.clone()), first.clone()));
    assert_eq!(site.current(), Some(first.clone()));
    let withdrawn = site.repository.marked(Mark::Withdrawn).unwrap();
    assert_eq!(withdrawn.keys().collect::<Vec<_>>(), [&second, &last]);
    assert_eq!(withdrawn[&last], "bad titles");
    assert!(matches!(back(None), Err(Error::NoRollbackTarget { .. })));

    // Forward again, by name.
    assert_eq!(back(Some(&last)).unwrap(), (Some(first.clone()), last.clone()));
    let withdrawn = site.repository.marked(Mark::Withdrawn).unwrap();
    assert_eq!(withdrawn.keys().collect::<Vec<_>>(), [&first, &second]);
    let nothing = "20010101T000000.000Z".parse().unwrap();
    assert!(matches!(back(Some(&nothing)), Err(Error::NoSuchGeneration { .. })));
    assert_eq!(site.current(), Some(last));
}

#[test]
fn the_published_generation_cannot_be_removed_and_another_goes_with_its_marks() {
    let site = Site::new();
    let (first, last) = (site.published(), site.published());
    site.repository.mark(&first, Mark::Pinned, "").unwrap();
    assert!(matches!(site.repository.remove(&last), Err(Error::InUse { .. })));
    site.repository.manifest(&last).unwrap();
    site.repository.remove(&first).unwrap();
    assert_eq!(site.repository.generations().unwrap(), [last]);
    assert!(site.repository.marked(Mark::Pinned).unwrap().is_empty());
}

#[test]
fn a_run_that_holds_the_lock_excludes_others_and_removes_incomplete_generations() {
    let site = Site::new();
    let whole = site.published();
    let torn = layout::generations_dir(site.path()).join("20260101T000000.000Z");
    fs::create_dir_all(torn.join("records")).unwrap();
    fs::write(torn.join("records/db"), "half").unwrap();

    let lock = site.repository.lock().unwrap();
    let error = Repository::in_directory(site.path()).lock().unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(site.repository.sweep(&lock, None).unwrap(), 1);
    assert_eq!(site.repository.generations().unwrap(), [whole]);
    drop(lock);
    site.repository.lock().unwrap();
}

#[test]
fn old_temporary_files_of_writes_that_were_killed_are_swept() {
    let site = Site::new();
    let id = site.published();
    let path = site.repository.put_report(&id, b"<p>ratings of users").unwrap();
    let draft = |name: &str| path.with_file_name(format!(".{name}.1-2-3.draft"));
    let (old, new) = (draft("old"), draft("new"));
    fs::write(&new, "half").unwrap();
    let two_hours_ago = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    fs::File::create(&old).unwrap().set_modified(two_hours_ago).unwrap();
    fs::File::open(&path).unwrap().set_modified(two_hours_ago).unwrap();
    let lock = site.repository.lock().unwrap();
    site.repository.sweep(&lock, None).unwrap();
    assert!(!old.exists() && new.exists() && path.exists());
}

#[test]
fn a_fetch_under_a_bound_is_the_same_copy() {
    let site = Site::new();
    let id = site.published();
    let work = site.path().join("work");
    let copy =
        site.repository.fetch(&id, &work, &Owned::all(), Bandwidth::bytes_per_second(100 << 20)).unwrap();
    assert_eq!(copy.manifest().generation, id);
    drop(copy);
    assert_eq!(fs::read_dir(work).unwrap().count(), 0);
}

#[test]
fn latest_html_is_a_copy_of_the_newest_report_and_both_are_removed_with_the_generation() {
    let site = Site::new();
    let (old, new) = (site.generation(Verdict::Refused), site.published());
    let path = site.repository.put_report(&old, b"<p>old").unwrap();
    assert_eq!(path, site.path().join(format!("reports/{old}.html")));
    site.repository.put_report(&new, b"<p>new").unwrap();
    let read = |name: &str| fs::read_to_string(site.path().join("reports").join(name)).ok();
    assert_eq!(read(&format!("{old}.html")).as_deref(), Some("<p>old"));
    assert_eq!(read("latest.html").as_deref(), Some("<p>new"));
    site.repository.remove(&old).unwrap();
    assert_eq!(read(&format!("{old}.html")), None);
    assert_eq!(read("latest.html").as_deref(), Some("<p>new"));
    assert_eq!(fs::read_dir(site.path().join("reports")).unwrap().count(), 2);
    assert_eq!(site.repository.generations().unwrap(), [new]);
}

#[test]
fn the_copy_of_a_removed_report_becomes_that_of_the_newest_other_report_or_is_removed() {
    let site = Site::new();
    let ids = [Verdict::Refused, Verdict::Refused].map(|verdict| site.generation(verdict));
    let (old, new) = (ids[0].clone().min(ids[1].clone()), ids[0].clone().max(ids[1].clone()));
    site.repository.put_report(&old, b"<p>old").unwrap();
    site.repository.put_report(&new, b"<p>new").unwrap();
    let latest = || fs::read_to_string(site.path().join("reports/latest.html")).ok();
    site.repository.remove(&new).unwrap();
    assert_eq!(latest().as_deref(), Some("<p>old"));
    site.repository.remove(&old).unwrap();
    assert_eq!(latest(), None);
}

#[test]
fn of_two_runs_that_complete_the_same_job_the_second_fails_unless_the_first_has_died() {
    let site = Site::new();
    let (repository, work) = (&site.repository, site.path().join("work"));
    let lock = repository.lock().unwrap();
    let job = repository.begin_job().unwrap();
    job.write("plan.json", b"{}").unwrap();
    let shard = site.path().join("shard");
    fs::write(&shard, "users").unwrap();
    job.send_results(&shard, 0).unwrap();
    job.take_results(0).unwrap();
    let file = FileDigest::of(&shard).unwrap();
    let complete = |file: &FileDigest| {
        let staging = Repository::staging_apart(&work).unwrap();
        let mut writer = DraftGeneration::create_for(job.id(), staging.dir()).unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        let mut finished = writer.finish().unwrap();
        finished.add_shards([(file, "")].into_iter());
        let manifest = finished.seal(Account::default()).unwrap();
        repository.add(&staging, &manifest, |_| ())
    };
    // A generation without all shards is not completed, and its job can be continued.
    let longer = FileDigest { bytes: file.bytes + 1, ..file.clone() };
    assert!(matches!(complete(&longer), Err(Error::Damaged { .. })));
    assert!(job.may_continue(&lock).unwrap());
    assert_eq!(repository.jobs().unwrap(), [job.id().clone()]);

    complete(&file).unwrap();
    assert!(matches!(complete(&file), Err(Error::Claimed { .. })));
    assert_eq!(repository.jobs().unwrap(), [], "its generation is whole");
    // The lock excludes other runs.
    assert!(job.may_continue(&lock).unwrap());
    repository.sweep(&lock, None).unwrap();
    assert_eq!(fs::read_dir(site.path().join("jobs")).unwrap().count(), 0);
    assert!(repository.manifest(job.id()).is_ok());
}
