//! Directories that are kept for who comes next, by a note in them.
//!
//! Who keeps a directory removes those that others have kept, and who asks for one takes over one at most and removes
//! the rest: beside those in use there is one, or as many as processes kept one in the same moment. The note goes before
//! anything else, whether a directory is taken over or removed, so that what has a note is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{LOCK, WorkingCopy};
use crate::durable;
use crate::error::Result;
use crate::work_dir::create_work_dir;

/// The note in a directory that is kept.
const KEPT: &str = "kept";

impl WorkingCopy {
    /// Leaves the directory, whose files must be synced, to who comes next, with a note. Those that others have left
    /// are removed.
    ///
    /// # Errors
    /// Those of the file system; the directory is then gone.
    pub(crate) fn keep(mut self, note: &[u8]) -> Result<()> {
        if let Some(root) = self.dir.parent() {
            // Claimed and dropped.
            kept(root).for_each(|dir| drop(Self::claim(dir)));
            durable::write_file(&self.dir.join(KEPT), |file| file.write_all(note))?;
            durable::sync_dir(root)?;
            self.kept = true;
        }
        Ok(())
    }

    /// Takes over a directory under `root` that was left with a note that fits it. The others that were left are
    /// removed.
    ///
    /// # Errors
    /// [`Error::UnsafeWorkDir`](crate::Error::UnsafeWorkDir): files of other users are never taken over.
    pub(crate) fn take_over(root: &Path, fits: impl Fn(&Path, &[u8]) -> bool) -> Result<Option<Self>> {
        create_work_dir(root)?;
        let mut found = None;
        for (copy, note) in kept(root).filter_map(Self::claim) {
            if found.is_none() && fits(copy.dir(), &note) {
                found = Some(copy);
            }
        }
        Ok(found)
    }

    /// Makes a directory that was left our own, and takes its note away; none where another process was faster.
    fn claim(dir: PathBuf) -> Option<(Self, Vec<u8>)> {
        // For writing, without which network file systems do not lock.
        let lock = OpenOptions::new().read(true).write(true).open(dir.join(LOCK)).ok()?;
        lock.try_lock().ok()?;
        // Read under the lock: one that another has taken over, or removed, has no note any more.
        let note = fs::read(dir.join(KEPT)).ok()?;
        match discard_note(&dir) {
            Ok(()) => Some((Self { dir, _lock: lock, kept: false }, note)),
            Err(e) => {
                tracing::warn!("cannot take over the working copy {}: {e}", dir.display());
                None
            }
        }
    }
}

/// The directories under `root` that have a note.
fn kept(root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|dir| is_kept(dir))
}

/// Whether a directory has a note. What cannot be judged has one.
pub(super) fn is_kept(dir: &Path) -> bool {
    dir.join(KEPT).try_exists().unwrap_or(true)
}

/// Takes the note of a directory away, for good.
pub(super) fn discard_note(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(KEPT)) {
        Ok(()) => File::open(dir)?.sync_all(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_kept_is_taken_over_once_without_its_note() {
        let root = tempfile::tempdir().unwrap();
        WorkingCopy::create(root.path()).unwrap().keep(b"note").unwrap();
        let other = WorkingCopy::create(root.path()).unwrap();

        let taken = WorkingCopy::take_over(root.path(), |_, note| note == b"note").unwrap().unwrap();
        assert!(!is_kept(taken.dir()));
        assert!(WorkingCopy::take_over(root.path(), |_, _| true).unwrap().is_none());
        assert!(taken.dir().exists() && other.dir().exists());

        // Whoever dies with it leaves something to be swept.
        let abandoned = root.path().join("abandoned");
        fs::rename(taken.dir(), &abandoned).unwrap();
        drop(taken);
        drop(WorkingCopy::create(root.path()).unwrap());
        assert!(!abandoned.exists());
    }

    #[test]
    fn one_whose_lock_is_held_is_not_taken_over() {
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
    fn at_most_one_is_kept_and_the_next_to_take_over_removes_what_does_not_fit() {
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
    fn one_that_is_half_removed_is_swept_and_never_taken_over() {
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
