//! Directories of a process's own, and their removal.
//!
//! sled locks its directory and may write to it on opening, so every reader opens a copy; and a run that publishes to a
//! bucket makes its generation in one. A directory lives as long as who uses it; one left behind by a killed process is
//! recognised by its unheld lock and swept by the next that works under the same root.
//!
//! One that is kept (`keeping`) is neither removed nor swept.

mod keeping;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::work_dir::create_work_dir;
use keeping::{discard_note, is_kept};

const LOCK: &str = "lock";

/// A directory that belongs to this process and is removed when dropped, unless it is kept.
#[derive(Debug)]
pub struct WorkingCopy {
    dir: PathBuf,
    /// Held for as long as the directory is in use; the system releases it even if we are killed.
    _lock: File,
    kept: bool,
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
            // Locked before it has its name: a lock file that is there and unheld means an abandoned copy.
            let (draft, path) = (dir.join("lock.new"), dir.join(LOCK));
            let lock = File::create(&draft).map_err(Error::io("create", &draft))?;
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

/// Removes a directory: its note first, so that what is left of it is not taken over, and its lock last, so that what
/// is left of it is swept.
fn remove(dir: &Path) -> io::Result<()> {
    discard_note(dir)?;
    for entry in fs::read_dir(dir)?.flatten().filter(|entry| entry.file_name() != LOCK) {
        let path = entry.path();
        if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    fs::remove_dir_all(dir)
}

/// Removes the directories under `root` whose lock nobody holds and that are not kept. Whatever cannot be judged stays.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for dir in entries.flatten().map(|entry| entry.path()) {
        // Not even locked, lest somebody who would take it over finds it locked.
        if is_kept(&dir) {
            continue;
        }
        // Without a lock file it may be in the making, or not ours: left alone.
        let Ok(lock) = File::open(dir.join(LOCK)) else { continue };
        match lock.try_lock() {
            // It may have been in use until now.
            Ok(()) if is_kept(&dir) => {}
            Ok(()) => {
                if let Err(e) = remove(&dir) {
                    tracing::warn!("cannot remove the abandoned working copy {}: {e}", dir.display());
                }
            }
            // Held by the living, or on a file system that cannot tell.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
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
