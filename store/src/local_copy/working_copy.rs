//! Private directories of a process, removed at its end.
//!
//! A reader works in one on a copy of a generation, a run that publishes to a bucket writes its generation in one. The
//! directory of a process that was killed has a lock file that is not locked; the next process below the same work
//! directory removes it. A kept copy (see `reuse`) is not removed.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::files;
use crate::work_dir::create_work_dir;

/// The file that is locked while the directory is in use.
pub(super) const LOCK: &str = "lock";
/// The note in a kept directory.
pub(super) const KEPT: &str = "kept";

/// A directory of this process, removed when dropped unless it is kept.
#[derive(Debug)]
pub struct WorkingCopy {
    pub(super) dir: PathBuf,
    /// The system releases the lock when the process ends, however it ends.
    pub(super) _lock: File,
    pub(super) kept: bool,
}

impl WorkingCopy {
    /// Creates a directory with mode 0700 below a [work directory](crate::work_dir), and removes the directories there
    /// of processes that have ended.
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`]; [`Error::Io`] where the work directory cannot be written to.
    pub fn create(root: &Path) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);

        create_work_dir(root)?;
        sweep(root);
        loop {
            let n = COUNTER.fetch_add(1, Ordering::Relaxed);
            let dir = root.join(format!("{}-{n}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::io("create", dir)(e)),
            }
            // Locked before it gets its name: a lock file that is not locked means an abandoned directory.
            let (draft, path) = (dir.join("lock.new"), dir.join(LOCK));
            let lock = File::create_new(&draft).map_err(Error::io("create", &draft))?;
            lock.lock().map_err(Error::io("lock", &draft))?;
            fs::rename(&draft, &path).map_err(Error::io("name", &draft))?;
            return Ok(Self { dir, _lock: lock, kept: false });
        }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(e) = remove(&self.dir) {
            tracing::warn!("cannot remove the working copy {}: {e}", self.dir.display());
        }
    }
}

/// Removes a directory: the note first, so that an incomplete directory is not taken over, and the lock last, so that it is
/// removed by the next process.
fn remove(dir: &Path) -> io::Result<()> {
    discard_note(dir)?;
    for entry in fs::read_dir(dir)?.flatten().filter(|entry| entry.file_name() != LOCK) {
        let path = entry.path();
        if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    fs::remove_dir_all(dir)
}

/// Removes the directories below `root` that are neither locked nor kept. A directory whose state is unknown stays.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for dir in entries.flatten().map(|entry| entry.path()) {
        // Not locked here either: a process that takes it over must not find it locked.
        if is_kept(&dir) {
            continue;
        }
        // Without a lock file it is being created, or of another origin.
        let Ok((lock, _)) = files::open(&dir.join(LOCK)) else { continue };
        match lock.try_lock() {
            // It may have been kept in the meantime.
            Ok(()) if is_kept(&dir) => {}
            Ok(()) => {
                if let Err(e) = remove(&dir) {
                    tracing::warn!("cannot remove the abandoned working copy {}: {e}", dir.display());
                }
            }
            // In use, or on a file system without locks.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

/// Whether a directory has a note, or that is unknown.
pub(super) fn is_kept(dir: &Path) -> bool {
    dir.join(KEPT).try_exists().unwrap_or(true)
}

/// Removes the note of a directory and syncs the directory.
pub(super) fn discard_note(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(KEPT)) {
        Ok(()) => File::open(dir)?.sync_all(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_in_use_stays_and_an_abandoned_one_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let abandoned = root.path().join("123-0");
        fs::create_dir(&abandoned).unwrap();
        File::create(abandoned.join(LOCK)).unwrap();
        let stranger = root.path().join("stranger");
        fs::create_dir(&stranger).unwrap();

        let first = WorkingCopy::create(root.path()).unwrap();
        let second = WorkingCopy::create(root.path()).unwrap();

        assert!(!abandoned.exists());
        assert!(stranger.exists());
        assert!(first.dir().join(LOCK).exists() && second.dir().join(LOCK).exists());
        assert_eq!(fs::metadata(first.dir()).unwrap().permissions().mode() & 0o777, 0o700);
        let gone = first.dir().to_path_buf();
        drop(first);
        assert!(!gone.exists());
    }
}
