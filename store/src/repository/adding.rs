//! Addition of generations: a run takes the lock, writes a generation in a staging directory, and adds it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::objects::Version;
use super::{Repository, is_below};
use crate::error::{Error, Result};
use crate::layout::{self, CLAIM, MANIFEST, SEAL, USERS};
use crate::local_copy::WorkingCopy;
use crate::location::Location;
use crate::manifest::Manifest;

/// The lock of a run, released when dropped. The system releases it when the process ends.
#[derive(Debug)]
pub struct RunLock {
    file: Option<File>,
}

/// The directory in which a run writes its generation.
#[derive(Debug)]
pub enum Staging {
    /// The directory of the repository.
    InPlace(PathBuf),
    /// A private directory, removed when dropped.
    Apart(WorkingCopy),
}

impl Repository {
    /// Takes the lock of a run. A bucket has none: there, the second of two runs fails when it publishes.
    ///
    /// # Errors
    /// [`Error::Locked`] while another process holds it; [`Error::Io`].
    pub fn lock(&self) -> Result<RunLock> {
        Ok(RunLock { file: self.objects.lock()? })
    }

    /// The directory for a generation that will be [added](Repository::add).
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`] or [`Error::Io`] for the work directory `work`.
    pub fn staging(&self, work: &Path) -> Result<Staging> {
        Ok(match &self.location {
            Location::Directory(path) => Staging::InPlace(path.clone()),
            Location::Bucket { .. } => Self::staging_apart(work)?,
        })
    }

    /// The directory for the part of a job's generation that belongs to no shard. It is never that of the repository, where
    /// a later run continues with the results of a failed one.
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`] or [`Error::Io`] for the work directory `work`.
    pub fn staging_apart(work: &Path) -> Result<Staging> {
        WorkingCopy::create(work).map(Staging::Apart)
    }

    /// Adds a sealed generation, the manifest last. Calls `sent` with the number of bytes of each part that is sent. Does
    /// nothing for a generation that was written in place. The shards of a job must exist.
    ///
    /// # Errors
    /// [`Error::Claimed`] where another run began in the same millisecond or completes the same job; [`Error::Damaged`]
    /// where the file of a shard is missing or has another length; [`Error::Io`], [`Error::Remote`].
    pub fn add(&self, staging: &Staging, manifest: &Manifest, mut sent: impl FnMut(u64)) -> Result<()> {
        let Staging::Apart(copy) = staging else { return Ok(()) };
        let id = &manifest.generation;
        let dir = layout::generation_dir(copy.dir(), id);
        let mut shards = manifest.files.iter().filter(|(name, _)| is_below(USERS, name));
        shards.try_for_each(|(name, digest)| self.check_length(id, name, digest))?;
        // A job has claimed its generation when it began. Without a lock, two runs may continue it.
        let claim = if manifest.n_shards.is_none() { CLAIM } else { SEAL };
        if !self.objects.replace(&layout::key(id, claim), signature().as_bytes(), &Version::ABSENT)? {
            return Err(Error::Claimed { generation: id.clone(), location: self.location.to_string() });
        }
        for name in manifest.files.keys().filter(|name| !is_below(USERS, name)) {
            self.objects.upload(&dir.join(name), &layout::key(id, name), &mut sent)?;
        }
        self.objects.upload(&dir.join(MANIFEST), &layout::key(id, MANIFEST), &mut sent)
    }
}

impl RunLock {
    /// Whether the lock excludes other runs: it does not in a bucket.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }
}

impl Staging {
    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self {
            Self::InPlace(path) => path,
            Self::Apart(copy) => copy.dir(),
        }
    }
}

/// A line that identifies this process, for lock files and claims.
pub(super) fn signature() -> String {
    format!("process {} since {}\n", std::process::id(), jiff::Timestamp::now())
}
