//! Files that survive a crash and a power failure.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// The end of the names of temporary files.
const DRAFT: &str = ".draft";

/// Replaces a file: `write` writes the content to a temporary file beside it, which is synced and renamed, and the
/// directory is synced. A reader, and a crash, sees the old content or the new, never a part. Several processes may
/// replace a file at the same time; the last rename wins. Returns what `write` returns.
///
/// # Errors
/// [`Error::Io`]; the file is then as it was before, unless the directory could not be synced.
pub fn write_file<T>(path: &Path, write: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T> {
    let draft = draft_of(path);
    let written = File::create_new(&draft)
        .map_err(Error::io("create", path))
        .and_then(|mut file| write(&mut file).map_err(Error::io("write", path)))
        .and_then(|result| move_to(&draft, path).map(|()| result));
    if written.is_err() {
        // The first error says what is wrong.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Syncs a file, gives it another name in place of any file there, and syncs the directory.
pub(crate) fn move_to(from: &Path, to: &Path) -> Result<()> {
    File::open(from).and_then(|file| file.sync_all()).map_err(Error::io("sync", from))?;
    fs::rename(from, to).map_err(Error::io("replace", to))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Syncs the entries of a directory.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    // The parent of a bare file name is empty.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}

/// Syncs all files and directories below a directory.
pub(crate) fn sync_all(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
        }
    }
    sync_dir(dir)
}

/// Removes temporary files in a directory that are older than an hour: no write takes so long.
pub(crate) fn remove_old_drafts(dir: &Path) -> Result<()> {
    const OLD: Duration = Duration::from_secs(60 * 60);

    // A directory that does not exist has none.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|found| found.modified()).map(|time| time.elapsed());
        let is_old = age.is_ok_and(|age| age.is_ok_and(|age| age > OLD));
        if is_old && is_draft(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a name is that of a temporary file, which a process that was killed may leave.
pub(crate) fn is_draft(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(DRAFT)
}

/// A name that no other process and no other call uses.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, time) = (std::process::id(), jiff::Timestamp::now().as_nanosecond());
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    path.with_file_name(format!(".{name}.{process}-{thread}-{time}{DRAFT}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.txt");
        write_file(&path, |file| file.write_all(b"old")).unwrap();
        let error = write_file(&path, |file| {
            file.write_all(b"ne")?;
            Err::<(), _>(io::Error::other("no space"))
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("file.txt: no space"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_whose_names_differ_in_their_extension_are_written_at_the_same_time() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8u8 {
                let path = dir.path().join(format!("20261123T023000.00{number}Z"));
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_file(&path, |file| file.write_all(&[number; 1000])).unwrap();
                        assert_eq!(fs::read(&path).unwrap(), [number; 1000]);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 8);
    }
}
