//! A file that appears under its name only when whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file being written beside its place. Dropped without [`publish`](Self::publish), it is removed.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl Draft {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn create(path: &Path) -> Result<Self> {
        let draft = path.with_extension("csv.new");
        let file = File::create(&draft).map_err(Error::io("create", &draft))?;
        Ok(Self { path: path.to_path_buf(), draft, file: BufWriter::new(file), bytes: 0 })
    }

    /// Appends.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Error::io("write", &self.draft))
    }

    /// Brings the file to disk and to its place; returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; what was at the place before is then still there.
    pub(super) fn publish(mut self) -> Result<u64> {
        self.sync().map_err(Error::io("write", &self.draft))?;
        fs::rename(&self.draft, &self.path).map_err(Error::io("replace", &self.path))?;
        Ok(self.bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; after an error there is nobody left to tell.
        let _ = fs::remove_file(&self.draft);
    }
}
