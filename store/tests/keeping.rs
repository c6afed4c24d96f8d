//! Copies that a reader keeps at its end, and their reuse by another reader.

#![allow(clippy::unwrap_used, reason = "a test may insist: its panic is the report")]

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::draft::DraftGeneration;
use store::layout::{self, RECORDS};
use store::manifest::Account;
use store::reader::{LocalGeneration, OpenGeneration};
use store::records::TopN;
use store::repository::Bandwidth;
use store::shards::Owned;
use store::{Error, GenerationId, MovieId, Repository, UserId};
use tempfile::TempDir;

/// A repository with one generation, and a work directory in which a copy of it was kept after it had been open.
struct Site {
    dir: TempDir,
    repository: Repository,
    id: GenerationId,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("output");
        let id = generation(&output);
        let site = Self { repository: Repository::in_directory(&output), dir, id };
        let copy =
            site.repository.fetch(&site.id, &site.work(), &Owned::all(), Bandwidth::UNBOUNDED).unwrap();
        open(copy).keep().unwrap();
        site
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn adopt(&self) -> Option<LocalGeneration> {
        self.repository.adopt(&self.id, &self.work(), &Owned::all()).unwrap()
    }

    fn copies(&self) -> Vec<PathBuf> {
        self.work().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

fn list() -> TopN {
    TopN { movies: vec![MovieId::new(1)], scores: vec![1.0], stars: vec![4.0] }
}

fn generation(output: &Path) -> GenerationId {
    let mut writer = DraftGeneration::create(output).unwrap();
    (0..1000).for_each(|user| writer.top_n.put(UserId::new(user), &list()).unwrap());
    writer.put_fallback(&list()).unwrap();
    writer.finish().unwrap().seal(Account::default()).unwrap().generation
}

/// Opens a copy, looks at every list, and closes it.
fn open(copy: LocalGeneration) -> LocalGeneration {
    let copy = std::sync::Arc::new(copy);
    let generation = OpenGeneration::open(copy.clone(), 1 << 20).unwrap();
    (0..1000)
        .for_each(|user| assert_eq!(generation.tables().top_n(UserId::new(user)).unwrap(), Some(list())));
    drop(generation);
    std::sync::Arc::into_inner(copy).unwrap()
}

#[test]
fn a_kept_copy_is_adopted_by_one_reader_again_and_again() {
    let site = Site::new();
    for _ in 0..3 {
        let copy = site.adopt().unwrap();
        assert!(site.adopt().is_none());
        open(copy).keep().unwrap();
        assert_eq!(site.copies().len(), 1);
    }
    // One that is not kept goes, as a fetched one does.
    drop(site.adopt().unwrap());
    assert!(site.copies().is_empty());
    assert!(site.adopt().is_none());
}

#[test]
fn a_kept_copy_stays_beside_other_copies_until_one_of_them_is_kept() {
    let site = Site::new();
    let other = site.repository.fetch(&site.id, &site.work(), &Owned::all(), Bandwidth::UNBOUNDED).unwrap();
    assert_eq!(site.copies().len(), 2);
    open(other).keep().unwrap();
    assert_eq!(site.copies().len(), 1);
    open(site.adopt().unwrap());
}

#[test]
fn a_copy_of_a_generation_whose_manifest_has_changed_is_not_adopted_and_is_removed() {
    let site = Site::new();
    let path = site.repository.path(&site.id, layout::MANIFEST);
    // Another generation of the same name: its manifest is valid.
    let text = fs::read_to_string(&path).unwrap().replace(r#""code_version": """#, r#""code_version": "2""#);
    let open = text.split_once(",\n  \"digest\"").unwrap().0;
    let digest = blake3::hash(open.as_bytes()).to_hex();
    fs::write(&path, format!("{open},\n  \"digest\": \"{digest}\"\n}}\n")).unwrap();
    assert_eq!(site.repository.manifest(&site.id).unwrap().account.code_version, "2");
    assert!(site.adopt().is_none());
    assert!(site.copies().is_empty());
}

#[test]
fn a_copy_of_another_generation_is_not_adopted_and_is_removed() {
    let mut site = Site::new();
    site.id = generation(&site.dir.path().join("output"));
    assert!(site.adopt().is_none());
    assert!(site.copies().is_empty());
}

#[test]
fn nothing_is_removed_where_the_manifest_cannot_be_read() {
    let site = Site::new();
    let path = site.repository.path(&site.id, layout::MANIFEST);
    let elsewhere = path.with_extension("away");
    fs::rename(&path, &elsewhere).unwrap();
    site.repository.adopt(&site.id, &site.work(), &Owned::all()).unwrap_err();
    fs::rename(&elsewhere, &path).unwrap();
    open(site.adopt().unwrap());
}

#[test]
fn a_copy_that_has_lost_a_byte_of_its_log_or_any_other_file_is_not_adopted() {
    let n_files = files(&Site::new().copies()[0].join(RECORDS)).len();
    assert!(n_files > 2);
    for n in 0..n_files {
        let site = Site::new();
        let mut files = files(&site.copies()[0].join(RECORDS));
        files.sort();
        let file = OpenOptions::new().write(true).open(&files[n]).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        assert!(site.adopt().is_none(), "{}", files[n].display());
        assert!(site.copies().is_empty());
    }
}

#[test]
fn nothing_is_fetched_to_or_adopted_from_a_work_directory_that_others_can_write_to() {
    let site = Site::new();
    let kept = site.copies();
    for (mode, is_accepted) in [(0o777, false), (0o720, false), (0o755, true)] {
        fs::set_permissions(site.work(), Permissions::from_mode(mode)).unwrap();
        let fetched = site.repository.fetch(&site.id, &site.work(), &Owned::all(), Bandwidth::UNBOUNDED);
        let adopted = site.repository.adopt(&site.id, &site.work(), &Owned::all());
        if is_accepted {
            assert!(fetched.is_ok() && adopted.unwrap().is_some(), "{mode:o}");
            continue;
        }
        for error in [fetched.unwrap_err(), adopted.unwrap_err()] {
            assert!(matches!(error, Error::UnsafeWorkDir { .. }), "{error}");
            assert!(error.to_string().contains(site.work().to_str().unwrap()), "{error}");
        }
        assert_eq!(site.copies(), kept, "the kept copy stays");
    }
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
