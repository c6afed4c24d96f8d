//! Files at a location that is no repository: what a run reads there, or leaves there for others.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::objects::Objects;
use super::{Bandwidth, open};
use crate::error::{Error, Result};
use crate::location::Location;

/// Files directly at a location, by name. All calls block.
#[derive(Debug)]
pub struct Files {
    objects: Box<dyn Objects>,
}

impl Files {
    /// The files at a location. `patience` is as for a [`Repository`](super::Repository).
    ///
    /// # Errors
    /// [`Error::Remote`] and [`Error::Environment`] where the environment does not say enough.
    pub fn open(location: &Location, patience: Duration) -> Result<Self> {
        Ok(Self { objects: open(location, patience)? })
    }

    /// The names that there are, in order.
    ///
    /// # Errors
    /// As for every call: [`Error::Io`], [`Error::Remote`].
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = self.objects.names("")?;
        names.sort_unstable();
        Ok(names)
    }

    /// Copies a file there.
    ///
    /// # Errors
    /// As [`Files::names`].
    pub fn send(&self, from: &Path, name: &str) -> Result<()> {
        self.objects.upload(from, name, &mut |_| ())
    }

    /// A file, to be read where the path says: in place, or a copy in a directory of the caller's.
    ///
    /// # Errors
    /// As [`Files::names`]; [`Error::Damaged`] where there is none.
    pub fn fetch(&self, name: &str, dir: &Path) -> Result<PathBuf> {
        fetch(self.objects.as_ref(), name, dir)
    }

    /// The bytes of a file, and what tells one content of it from another.
    ///
    /// # Errors
    /// As [`Files::fetch`].
    pub fn version(&self, name: &str) -> Result<String> {
        match self.objects.stamp(name)? {
            Some(stamp) => Ok(stamp),
            None => Err(missing(self.objects.as_ref(), name)),
        }
    }

    /// Where a file is, as engines of other makes name it.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no current directory.
    pub fn url(&self, name: &str) -> Result<String> {
        self.objects.url(name)
    }

    /// Where a file is, for people.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.objects.path(name)
    }
}

/// An object as a file: in place, or a copy in a directory.
pub(super) fn fetch(objects: &dyn Objects, key: &str, dir: &Path) -> Result<PathBuf> {
    if let Some(path) = objects.in_place(key) {
        return Ok(path);
    }
    let path = dir.join(key.replace('/', "-"));
    match objects.download(key, &path, &mut Bandwidth::UNBOUNDED.pace())? {
        true => Ok(path),
        false => Err(missing(objects, key)),
    }
}

fn missing(objects: &dyn Objects, key: &str) -> Error {
    Error::Damaged { path: objects.path(key), detail: "it is missing".to_owned() }
}
