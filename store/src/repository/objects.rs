//! What a repository asks of the place where its bytes are.

use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::pace::Pace;
use crate::error::Result;

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

    /// Takes the lock of those who write, where there is such a thing.
    fn lock(&self) -> Result<Option<File>>;

    /// Where an object is, for people.
    fn path(&self, key: &str) -> PathBuf;

    /// Where an object is, for programs: `file:///...` or `s3://...`.
    fn url(&self, key: &str) -> Result<String>;
}

/// What an object was when it was read: equal for equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(pub(super) Option<String>);

impl Version {
    /// That of an object that is not there.
    pub(super) const ABSENT: Self = Self(None);
}
