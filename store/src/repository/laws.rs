//! The laws of [`Objects`]: one function a law, a test for each implementation.
//!
//! The bucket runs over an in-memory store of the client library, with conditional puts and multipart uploads.
//! Failures of the network are tested with whole programs against a server that speaks S3.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use object_store::memory::InMemory;
use tempfile::TempDir;

use super::bucket::Bucket;
use super::directory::Directory;
use super::objects::{Objects, Version};
use super::pace::{Bandwidth, Pace};
use crate::error::Error;
use crate::layout::max_bytes;
use crate::manifest::FileDigest;

/// More than one part of a multipart upload.
const LARGE: usize = (8 << 20) + 3;

/// Objects, and a directory for files on their way.
struct Place {
    objects: Box<dyn Objects>,
    files: TempDir,
}

impl Place {
    fn directory() -> Self {
        let files = tempfile::tempdir().unwrap();
        let objects = Directory::new(&files.path().join("objects"));
        Self { objects: Box::new(objects), files }
    }

    fn bucket() -> Self {
        let store = Arc::new(InMemory::new());
        let objects = Bucket::over(store, "s3://bucket".to_owned(), "some/prefix").unwrap();
        Self { objects: Box::new(objects), files: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.read(key).unwrap().map(|(content, _)| content)
    }

    fn version(&self, key: &str) -> Version {
        self.objects.read(key).unwrap().unwrap().1
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.objects.names(folder).unwrap()
    }

    fn write(&self, key: &str, content: &str) {
        self.objects.write(key, content.as_bytes()).unwrap();
    }

    fn unbounded() -> Pace {
        Bandwidth::UNBOUNDED.pace()
    }
}

macro_rules! laws {
    ($($law:ident)*) => {
        mod of_directory {
            $(#[test] fn $law() { super::$law(&super::Place::directory()); })*
        }

        mod of_bucket {
            $(#[test] fn $law() { super::$law(&super::Place::bucket()); })*
        }
    };
}

laws! {
    an_object_that_does_not_exist_is_absent_for_every_call
    a_written_object_is_read_back_and_overwritten
    an_object_is_created_only_if_it_is_absent
    an_object_is_replaced_only_from_the_version_that_was_seen
    of_many_writers_that_replace_one_version_one_wins
    equal_content_may_be_put_twice_by_one_replacement
    names_of_a_folder_are_its_own_in_ascending_order
    a_folder_is_removed_with_all_below_it_and_nothing_else
    an_uploaded_file_is_downloaded_byte_by_byte_and_each_byte_is_reported_once
    an_object_that_is_too_long_is_damaged_and_not_read
    a_renamed_object_takes_the_place_of_another
    a_fetched_object_is_a_file_until_it_is_dropped
    a_url_ends_in_the_key
}

fn an_object_that_does_not_exist_is_absent_for_every_call(place: &Place) {
    let (objects, to) = (&place.objects, place.file("to"));
    place.write("file", "");
    for key in ["absent", "folder/absent", "file/below/a/file"] {
        assert_eq!(place.content(key), None, "{key}");
        assert_eq!(objects.size(key).unwrap(), None, "{key}");
        assert_eq!(objects.digest(key).unwrap(), None, "{key}");
        for mut pace in [Place::unbounded(), Bandwidth::bytes_per_second(1 << 30).pace()] {
            assert!(!objects.download(key, &to, &mut pace).unwrap(), "{key}");
        }
        objects.remove(key).unwrap();
        objects.remove_all(key).unwrap();
        assert!(place.names(key).is_empty(), "{key}");
        let error = objects.fetch(key, place.files.path()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{key}: {error}");
    }
    assert!(!objects.rename("absent", "folder/to").unwrap());
    assert_eq!(place.content("folder/to"), None);
}

fn a_written_object_is_read_back_and_overwritten(place: &Place) {
    for content in ["first", "", "a third, which is longer"] {
        place.write("folder/name", content);
        assert_eq!(place.content("folder/name").unwrap(), content.as_bytes());
        assert_eq!(place.objects.size("folder/name").unwrap(), Some(content.len() as u64));
    }
    place.objects.remove("folder/name").unwrap();
    assert_eq!(place.content("folder/name"), None);
}

fn an_object_is_created_only_if_it_is_absent(place: &Place) {
    let create = |content: &[u8]| place.objects.replace("claim", content, &Version::ABSENT).unwrap();
    assert!(create(b"one"));
    assert!(!create(b"another"));
    assert_eq!(place.content("claim").unwrap(), b"one");
    place.objects.remove("claim").unwrap();
    assert!(create(b"another"));
}

fn an_object_is_replaced_only_from_the_version_that_was_seen(place: &Place) {
    let replace = |content: &[u8], seen: &Version| place.objects.replace("CURRENT", content, seen).unwrap();
    place.write("CURRENT", "a");
    let first = place.version("CURRENT");
    assert!(replace(b"b", &first));
    assert_ne!(place.version("CURRENT"), first);
    assert!(!replace(b"c", &first));
    assert!(!replace(b"c", &Version::ABSENT));
    assert_eq!(place.content("CURRENT").unwrap(), b"b");
    let second = place.version("CURRENT");
    place.objects.remove("CURRENT").unwrap();
    assert!(!replace(b"c", &second));
    assert_eq!(place.content("CURRENT"), None);
}

fn of_many_writers_that_replace_one_version_one_wins(place: &Place) {
    for round in 0..20 {
        let key = format!("claims/{round}");
        let key = key.as_str();
        let won: BTreeSet<_> = thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|n| {
                    let content = format!("writer {n}");
                    scope.spawn(move || {
                        let won = place.objects.replace(key, content.as_bytes(), &Version::ABSENT);
                        won.unwrap().then_some(content)
                    })
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1);
        assert_eq!(won.first().unwrap().as_bytes(), place.content(key).unwrap());
    }
}

fn equal_content_may_be_put_twice_by_one_replacement(place: &Place) {
    let replace = || place.objects.replace("CURRENT", b"a", &Version::ABSENT).unwrap();
    assert!(replace());
    assert!(replace(), "a repeated request has succeeded");
}

fn names_of_a_folder_are_its_own_in_ascending_order(place: &Place) {
    for key in ["list/b", "list/c/below", "list/a", "list/a0", "lists/other", "other"] {
        place.write(key, key);
    }
    // A directory has a lock file beside a replaced object.
    place.objects.replace("list/d", b"d", &Version::ABSENT).unwrap();
    assert_eq!(place.names("list"), ["a", "a0", "b", "c", "d"]);
    assert_eq!(place.names("list/c"), ["below"]);
}

fn a_folder_is_removed_with_all_below_it_and_nothing_else(place: &Place) {
    for key in ["job/a", "job/b/c/d", "job/b/e", "jobs/other", "job.txt"] {
        place.write(key, key);
    }
    place.objects.remove_all("job").unwrap();
    for (key, is_there) in
        [("job/a", false), ("job/b/c/d", false), ("job/b/e", false), ("jobs/other", true), ("job.txt", true)]
    {
        assert_eq!(place.content(key).is_some(), is_there, "{key}");
    }
    place.objects.remove_all("job").unwrap();
}

fn an_uploaded_file_is_downloaded_byte_by_byte_and_each_byte_is_reported_once(place: &Place) {
    let (from, to) = (place.file("from"), place.file("to"));
    for size in [0, 1000, LARGE] {
        let content: Vec<u8> = (0..size).map(|n| (n * 31 % 251) as u8).collect();
        fs::write(&from, &content).unwrap();
        let mut n_sent = 0;
        place.objects.upload(&from, "generations/1/db", &mut |bytes| n_sent += bytes).unwrap();
        assert_eq!(n_sent, size as u64);
        assert_eq!(place.objects.size("generations/1/db").unwrap(), Some(size as u64));
        let digest = place.objects.digest("generations/1/db").unwrap();
        assert_eq!(digest, Some(FileDigest::of_bytes(&content)), "{size} bytes");
        for mut pace in [Place::unbounded(), Bandwidth::bytes_per_second(1 << 40).pace()] {
            assert!(place.objects.download("generations/1/db", &to, &mut pace).unwrap());
            assert!(fs::read(&to).unwrap() == content, "{size} bytes");
        }
    }
    assert_eq!(place.names("generations/1"), ["db"]);
    let absent = place.objects.upload(&place.file("absent"), "generations/1/absent", &mut |_| ());
    assert!(matches!(absent, Err(Error::Io { .. })));
    assert_eq!(place.names("generations/1"), ["db"]);
}

fn an_object_that_is_too_long_is_damaged_and_not_read(place: &Place) {
    let (from, key) = (place.file("from"), "CURRENT");
    fs::File::create(&from).unwrap().set_len(max_bytes(key) + 1).unwrap();
    place.objects.upload(&from, key, &mut |_| ()).unwrap();
    let error = place.objects.read(key).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }) && error.to_string().contains(key), "{error}");
    fs::File::create(&from).unwrap().set_len(max_bytes(key)).unwrap();
    place.objects.upload(&from, key, &mut |_| ()).unwrap();
    assert_eq!(place.content(key).map(|content| content.len() as u64), Some(max_bytes(key)));
}

fn a_renamed_object_takes_the_place_of_another(place: &Place) {
    place.write("results/0", "new");
    place.write("users/0", "old");
    assert!(place.objects.rename("results/0", "users/0").unwrap());
    assert_eq!(place.content("results/0"), None);
    assert_eq!(place.content("users/0").unwrap(), b"new");
    assert!(!place.objects.rename("results/0", "users/0").unwrap());
    assert_eq!(place.content("users/0").unwrap(), b"new");
}

fn a_fetched_object_is_a_file_until_it_is_dropped(place: &Place) {
    place.write("folder/name", "content");
    let n_files = || place.files.path().read_dir().unwrap().count();
    let before = n_files();
    let copies = [(); 2].map(|()| place.objects.fetch("folder/name", place.files.path()).unwrap());
    copies.iter().for_each(|copy| assert_eq!(fs::read(copy.path()).unwrap(), b"content"));
    drop(copies);
    assert_eq!(n_files(), before);
    assert_eq!(place.content("folder/name").unwrap(), b"content");
}

fn a_url_ends_in_the_key(place: &Place) {
    let url = place.objects.url("folder/name.parquet").unwrap();
    assert!(url.ends_with("/folder/name.parquet"), "{url}");
    assert!(url.starts_with("file:///") || url.starts_with("s3://bucket/some/prefix/"), "{url}");
}
