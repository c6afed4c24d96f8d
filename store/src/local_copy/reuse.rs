//! Reuse of copies: a process keeps its copy, with a note in it, and a later process takes it over.
//!
//! Keeping a copy removes other kept ones, and taking one over removes those that do not fit. So a work directory has one
//! kept copy beside those in use, or as many as processes kept one at the same moment. The note is removed before a copy
//! is used or removed, so that a copy with a note is complete.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::LocalGeneration;
use super::note::Note;
use super::working_copy::{KEPT, LOCK, WorkingCopy, discard_note, is_kept};
use crate::durable;
use crate::error::Result;
use crate::files;
use crate::manifest::Manifest;
use crate::shards::Owned;
use crate::work_dir::create_work_dir;

/// The maximum length of a note.
const MAX_NOTE_BYTES: u64 = 1 << 20;

impl WorkingCopy {
    /// Keeps the directory, whose files must be synced, with a note. Other kept directories are removed.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); the directory is then removed.
    pub(super) fn keep(mut self, note: &[u8]) -> Result<()> {
        if let Some(root) = self.dir.parent() {
            // Claimed and dropped.
            kept(root).for_each(|dir| drop(Self::claim(dir)));
            durable::write_file(&self.dir.join(KEPT), |file| file.write_all(note))?;
            durable::sync_dir(root)?;
            self.kept = true;
        }
        Ok(())
    }

    /// Takes over a kept directory below `root` whose note `fits` it. Other kept directories are removed.
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`](crate::Error::UnsafeWorkDir): files of other users are never taken over.
    pub(super) fn take_over(root: &Path, fits: impl Fn(&Path, &[u8]) -> bool) -> Result<Option<Self>> {
        create_work_dir(root)?;
        let mut found = None;
        for (copy, note) in kept(root).filter_map(Self::claim) {
            if found.is_none() && fits(copy.dir(), &note) {
                found = Some(copy);
            }
        }
        Ok(found)
    }

    /// Locks a kept directory and removes its note. Returns `None` where another process was faster.
    fn claim(dir: PathBuf) -> Option<(Self, Vec<u8>)> {
        // Open for writing: network file systems lock no other files.
        let path = dir.join(LOCK);
        files::length(&path).ok()?;
        let lock = files::open_to_write(&path).ok()?;
        lock.try_lock().ok()?;
        // Read under the lock: a directory that another process has taken over or removed has no note.
        let note = files::read(&dir.join(KEPT), MAX_NOTE_BYTES).ok()?;
        match discard_note(&dir) {
            Ok(()) => Some((Self { dir, _lock: lock, kept: false }, note)),
            Err(e) => {
                tracing::warn!("cannot take over the working copy {}: {e}", dir.display());
                None
            }
        }
    }
}

impl LocalGeneration {
    /// Takes over the kept copy of a generation below a work directory. Returns `None` where there is none.
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`](crate::Error::UnsafeWorkDir), [`Error::Io`](crate::Error::Io).
    pub(crate) fn take_over(manifest: Manifest, work: &Path, owned: &Owned) -> Result<Option<Self>> {
        let copy = WorkingCopy::take_over(work, |dir, note| match Note::of(&manifest, owned, dir) {
            Ok(found) if found.is(note) => true,
            Ok(_) => {
                let (copy, id) = (dir.display(), &manifest.generation);
                tracing::info!("the kept copy {copy} is not of generation {id}, or has changed");
                false
            }
            Err(e) => {
                tracing::warn!("the kept copy {} cannot be read: {e}", dir.display());
                false
            }
        })?;
        Ok(copy.map(|copy| Self::new(manifest, owned.clone(), copy)))
    }
}

/// The directories below `root` with a note.
fn kept(root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|dir| is_kept(dir))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_kept_directory_is_taken_over_once_without_its_note() {
        let root = tempfile::tempdir().unwrap();
        WorkingCopy::create(root.path()).unwrap().keep(b"note").unwrap();
        let other = WorkingCopy::create(root.path()).unwrap();

        let taken = WorkingCopy::take_over(root.path(), |_, note| note == b"note").unwrap().unwrap();
        assert!(!is_kept(taken.dir()));
        assert!(WorkingCopy::take_over(root.path(), |_, _| true).unwrap().is_none());
        assert!(taken.dir().exists() && other.dir().exists());

        // The directory of a process that was killed is removed by the next.
        let abandoned = root.path().join("abandoned");
        fs::rename(taken.dir(), &abandoned).unwrap();
        drop(taken);
        drop(WorkingCopy::create(root.path()).unwrap());
        assert!(!abandoned.exists());
    }

    #[test]
    fn a_locked_directory_is_not_taken_over() {
        let root = tempfile::tempdir().unwrap();
        WorkingCopy::create(root.path()).unwrap().keep(b"note").unwrap();
        let dir = kept(root.path()).next().unwrap();
        let lock = File::open(dir.join(LOCK)).unwrap();
        lock.try_lock().unwrap();
        assert!(WorkingCopy::take_over(root.path(), |_, _| true).unwrap().is_none());
        assert!(is_kept(&dir));
        drop(lock);
        assert!(WorkingCopy::take_over(root.path(), |_, _| true).unwrap().is_some());
    }

    #[test]
    fn at_most_one_is_kept_and_taking_over_removes_those_that_do_not_fit() {
        let root = tempfile::tempdir().unwrap();
        let n_dirs = || root.path().read_dir().unwrap().count();
        let (first, second) =
            (WorkingCopy::create(root.path()).unwrap(), WorkingCopy::create(root.path()).unwrap());
        first.keep(b"first").unwrap();
        // One in use is not kept, and stays.
        assert_eq!(n_dirs(), 2);
        second.keep(b"second").unwrap();
        assert_eq!(n_dirs(), 1);
        drop(WorkingCopy::create(root.path()).unwrap());
        assert_eq!(n_dirs(), 1);
        assert!(WorkingCopy::take_over(root.path(), |_, note| note == b"third").unwrap().is_none());
        assert_eq!(n_dirs(), 0);
    }

    #[test]
    fn a_half_removed_directory_is_removed_and_never_taken_over() {
        let root = tempfile::tempdir().unwrap();
        let copy = WorkingCopy::create(root.path()).unwrap();
        let dir = copy.dir().to_path_buf();
        fs::create_dir(dir.join("records")).unwrap();
        copy.keep(b"note").unwrap();
        // A removal that is cut short after its first step.
        discard_note(&dir).unwrap();
        assert!(WorkingCopy::take_over(root.path(), |_, _| true).unwrap().is_none());
        assert!(dir.exists());
        drop(WorkingCopy::create(root.path()).unwrap());
        assert!(!dir.exists());
    }
}
