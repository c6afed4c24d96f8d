//! How a generation comes into a repository: made in a staging directory by whoever holds the lock, then added whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::objects::Version;
use super::{Repository, is_below};
use crate::error::{Error, Result};
use crate::layout::{self, CLAIM, MANIFEST, SEAL, USERS};
use crate::location::Location;
use crate::manifest::Manifest;
use crate::working_copy::WorkingCopy;

/// The right to make a generation, for as long as it is held; the system takes it back from the dead.
#[derive(Debug)]
pub struct RunLock {
    file: Option<File>,
}

/// Where a run writes its generation before it is added.
#[derive(Debug)]
pub enum Staging {
    /// In place.
    InPlace(PathBuf),
    /// In a directory of its own, removed when dropped.
    Apart(WorkingCopy),
}

impl Repository {
    /// Takes the right to make a generation. A bucket has no such lock: there, whoever publishes second is told so.
    ///
    /// # Errors
    /// [`Error::Locked`] while another process has it.
    pub fn lock(&self) -> Result<RunLock> {
        Ok(RunLock { file: self.objects.lock()? })
    }

    /// Where to make a generation that will be [added](Repository::add).
    ///
    /// # Errors
    /// [`Error::Io`] where `work` cannot be written.
    pub fn staging(&self, work: &Path) -> Result<Staging> {
        Ok(match &self.location {
            Location::Directory(path) => Staging::InPlace(path.clone()),
            Location::Bucket { .. } => Self::staging_apart(work)?,
        })
    }

    /// Where to make the part of a job's generation that is no shard's: never in place, for what is left there of a
    /// failed run is what the next one goes on with.
    ///
    /// # Errors
    /// [`Error::Io`] where `work` cannot be written.
    pub fn staging_apart(work: &Path) -> Result<Staging> {
        WorkingCopy::create(work).map(Staging::Apart)
    }

    /// Adds a sealed generation that was made in a staging directory, the manifest last. Calls `sent` with the bytes of
    /// each part as it is sent. Where it was made in place nothing is left to do, and a job's shards are there already.
    ///
    /// # Errors
    /// [`Error::Claimed`] where another run began in the same millisecond, or completes the same job; [`Error::Damaged`]
    /// where a shard's file is not there in its full length.
    pub fn add(&self, staging: &Staging, manifest: &Manifest, mut sent: impl FnMut(u64)) -> Result<()> {
        let Staging::Apart(copy) = staging else { return Ok(()) };
        let id = &manifest.generation;
        let dir = layout::generation_dir(copy.dir(), id);
        self.check_files_that(manifest, |name| is_below(USERS, name))?;
        // A job has claimed its generation when it began; but where there is no lock, two runs may go on with it.
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
    /// Whether it keeps others out: where there is no lock to take, it does not.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }
}

impl Staging {
    /// The directory to make the generation in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self {
            Self::InPlace(path) => path,
            Self::Apart(copy) => copy.dir(),
        }
    }
}

/// Who writes, for whoever finds what was written.
pub(super) fn signature() -> String {
    format!("process {} since {}\n", std::process::id(), jiff::Timestamp::now())
}
