//! Copies of generations on this machine.
//!
//! A reader opens a copy of its own, because the record engine locks a directory and may write to it. A
//! [`LocalGeneration`] is such a copy in a [`WorkingCopy`], checked against the manifest when it is made. A server that
//! stops may keep its copy, with a note that describes the files; the next server takes it over instead of fetching the
//! generation again.

mod note;
mod reuse;
mod working_copy;

use std::path::Path;

use crate::error::Result;
use crate::manifest::Manifest;
use crate::shards::Owned;
use note::Note;
pub use working_copy::WorkingCopy;

/// A generation whose files were copied to this machine and checked against the manifest, by
/// [`Repository::fetch`](crate::Repository::fetch) or by an earlier process
/// ([`Repository::adopt`](crate::Repository::adopt)). Removed when dropped.
#[derive(Debug)]
pub struct LocalGeneration {
    manifest: Manifest,
    /// The shards whose users are in the copy.
    owned: Owned,
    copy: WorkingCopy,
}

impl LocalGeneration {
    pub(crate) fn new(manifest: Manifest, owned: Owned, copy: WorkingCopy) -> Self {
        Self { manifest, owned, copy }
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The shards whose users are in the copy.
    pub(crate) fn owned(&self) -> &Owned {
        &self.owned
    }

    pub(crate) fn dir(&self) -> &Path {
        self.copy.dir()
    }

    /// Keeps the copy for the next process that [adopts](crate::Repository::adopt) it. The generation must not be open.
    /// Syncs all files. Other kept copies below the same work directory are removed.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); the copy is then removed.
    pub fn keep(self) -> Result<()> {
        let note = Note::synced(&self.manifest, &self.owned, self.dir())?.to_bytes()?;
        self.copy.keep(&note)
    }
}
