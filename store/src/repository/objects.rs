//! What a repository asks of the place where its bytes are.

use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::bucket::Bucket;
use super::directory::Directory;
use super::pace::{Bandwidth, Pace};
use crate::error::{Error, Result};
use crate::location::Location;

/// Copies that were made of objects.
static N_FETCHED: AtomicU64 = AtomicU64::new(0);

/// Named objects, the names being paths with slashes. An object is never seen half written.
pub(super) trait Objects: Debug + Send + Sync {
    /// A small object whole, and its version; `None` where there is none.
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>>;

    /// Writes a small object, whatever was there.
    fn write(&self, key: &str, content: &[u8]) -> Result<()>;

    /// Writes a small object where its version still is `seen`. Returns whether it has that content now, which it may
    /// have had already: asked twice, it was done.
    fn replace(&self, key: &str, content: &[u8], seen: &Version) -> Result<bool>;

    /// Removes an object, if it is there.
    fn remove(&self, key: &str) -> Result<()>;

    /// Removes all objects whose names begin with a folder's.
    fn remove_all(&self, folder: &str) -> Result<()>;

    /// The names directly in a folder; none where there is no such folder.
    fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// The bytes of an object; `None` where there is none.
    fn size(&self, key: &str) -> Result<Option<u64>>;

    /// Copies an object into a new file; returns false where there is none.
    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool>;

    /// The file that an object is, where it is one.
    fn in_place(&self, key: &str) -> Option<PathBuf>;

    /// Copies a file into an object, telling `sent` the bytes of each part.
    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()>;

    /// Gives an object another name, in place of what has that; returns false where there is no object.
    fn rename(&self, from: &str, to: &str) -> Result<bool>;

    /// Takes the lock of those who write, where there is such a thing.
    fn lock(&self) -> Result<Option<File>>;

    /// Where an object is, for people.
    fn path(&self, key: &str) -> PathBuf;

    /// Where an object is, for programs: `file:///...` or `s3://...`.
    fn url(&self, key: &str) -> Result<String>;

    /// A file that is an object, or a copy of it in `dir`.
    ///
    /// # Errors
    /// [`Error::Damaged`] where there is none.
    fn fetch(&self, key: &str, dir: &Path) -> Result<Fetched> {
        if let Some(path) = self.in_place(key) {
            return Ok(Fetched { path, is_copy: false });
        }
        // The same may be wanted twice at once, and each copy goes by itself.
        let number = N_FETCHED.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{number}-{}", key.replace('/', "-")));
        match self.download(key, &path, &mut Bandwidth::UNBOUNDED.pace())? {
            true => Ok(Fetched { path, is_copy: true }),
            false => Err(Error::Damaged { path: self.path(key), detail: "it is missing".to_owned() }),
        }
    }
}

/// A file of a repository that may be read until this is dropped: in place, or a copy, which then goes.
#[derive(Debug)]
pub struct Fetched {
    path: PathBuf,
    is_copy: bool,
}

impl Fetched {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        if self.is_copy
            && let Err(e) = std::fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove the copy {}: {e}", self.path.display());
        }
    }
}

/// The objects at a location; `patience` is how long calls to a bucket that does not answer are repeated.
pub(super) fn open(location: &Location, patience: Duration) -> Result<Arc<dyn Objects>> {
    Ok(match location {
        Location::Directory(path) => Arc::new(Directory::new(path)),
        Location::Bucket { bucket, prefix } => Arc::new(Bucket::connect(bucket, prefix, patience)?),
    })
}

/// What an object was when it was read: equal for equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(pub(super) Option<String>);

impl Version {
    /// That of an object that is not there.
    pub(super) const ABSENT: Self = Self(None);
}
