//! Files that outlive a power cut: written beside their place, synced, and renamed into it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file so that a reader, and a crash, sees either the old content or the new, never a part.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft).map_err(Error::io("create", &draft))?;
    file.write_all(content).map_err(Error::io("write", &draft))?;
    take_place(&draft, path)
}

/// Gives a file that was written beside a place that place, whatever was there.
pub(crate) fn take_place(draft: &Path, path: &Path) -> Result<()> {
    File::open(draft).and_then(|file| file.sync_all()).map_err(Error::io("sync", draft))?;
    fs::rename(draft, path).map_err(Error::io("replace", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory outlive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}

/// Makes everything below a directory outlive a power cut.
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
