//! Named objects: the interface of a repository to the place where its bytes are.

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
use crate::manifest::FileDigest;

/// The number of copies made by [`Objects::fetch`], for their names.
static N_FETCHED: AtomicU64 = AtomicU64::new(0);

/// Objects named by keys, which are paths with slashes. A reader never sees an object half written. `laws` tests what holds
/// for each implementation.
pub(super) trait Objects: Debug + Send + Sync {
    /// Reads a small object and its version; `None` where it does not exist.
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>>;

    /// Writes a small object, in place of any other.
    fn write(&self, key: &str, content: &[u8]) -> Result<()>;

    /// Writes a small object if its version is still `seen`. Returns whether the object now has this content, which a
    /// repeated request finds there.
    fn replace(&self, key: &str, content: &[u8], seen: &Version) -> Result<bool>;

    /// Removes an object, if it exists.
    fn remove(&self, key: &str) -> Result<()>;

    /// Removes all objects below a folder.
    fn remove_all(&self, folder: &str) -> Result<()>;

    /// The names of the objects and folders directly in a folder, ascending; none where the folder does not exist.
    fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// The size of an object in bytes; `None` where it does not exist.
    fn size(&self, key: &str) -> Result<Option<u64>>;

    /// The length and hash of an object, which is read whole; `None` where it does not exist.
    fn digest(&self, key: &str) -> Result<Option<FileDigest>>;

    /// Copies an object to a file. Returns false where the object does not exist.
    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool>;

    /// The file of an object, where objects are files.
    fn in_place(&self, key: &str) -> Option<PathBuf>;

    /// Copies a file to an object. Calls `sent` with the number of bytes of each part.
    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()>;

    /// Renames an object, in place of any other. Returns false where it does not exist.
    fn rename(&self, from: &str, to: &str) -> Result<bool>;

    /// Takes the lock of writers. Returns `None` where there are no locks.
    fn lock(&self) -> Result<Option<File>>;

    /// Removes what writes that were killed have left in a folder, once it is old. Nothing where objects are written whole.
    fn remove_remnants(&self, _folder: &str) -> Result<()> {
        Ok(())
    }

    /// The place of an object, for messages.
    fn path(&self, key: &str) -> PathBuf;

    /// The URL of an object: `file:///...` or `s3://...`.
    fn url(&self, key: &str) -> Result<String>;

    /// The file of an object, or a copy in `dir`.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the object does not exist.
    fn fetch(&self, key: &str, dir: &Path) -> Result<Fetched> {
        let missing = || Error::Damaged { path: self.path(key), detail: "it is missing".to_owned() };
        if let Some(path) = self.in_place(key) {
            return match self.size(key)? {
                Some(_) => Ok(Fetched { path, is_copy: false }),
                None => Err(missing()),
            };
        }
        // Each copy has a name of its own: it is removed by itself.
        let number = N_FETCHED.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{number}-{}", key.replace('/', "-")));
        match self.download(key, &path, &mut Bandwidth::UNBOUNDED.pace())? {
            true => Ok(Fetched { path, is_copy: true }),
            false => Err(missing()),
        }
    }
}

/// A file of a repository: in place, or a copy that is removed when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    path: PathBuf,
    is_copy: bool,
}

impl Fetched {
    /// The path of the file.
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

/// The objects at a location. `patience` is how long requests to a bucket are repeated while the store does not answer.
pub(super) fn open(location: &Location, patience: Duration) -> Result<Arc<dyn Objects>> {
    Ok(match location {
        Location::Directory(path) => Arc::new(Directory::new(path)),
        Location::Bucket { bucket, prefix } => Arc::new(Bucket::connect(bucket, prefix, patience)?),
    })
}

/// The version of an object that was read: equal for equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(pub(super) Option<String>);

impl Version {
    /// The version of an object that does not exist.
    pub(super) const ABSENT: Self = Self(None);
}
