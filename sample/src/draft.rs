//! A file that gets its name only when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file that is being written under another name. If dropped without [`publish`](Self::publish), it is removed.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl Draft {
    /// Creates the draft of the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn create(path: &Path) -> Result<Self> {
        let draft = path.with_extension("csv.new");
        let file = File::create(&draft).map_err(Error::io("create", &draft))?;
        Ok(Self { path: path.to_path_buf(), draft, file: BufWriter::new(file), bytes: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Error::io("write", &self.draft))
    }

    /// Syncs the file to disk and renames it; returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; a previous file of the name is then unchanged.
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
        // After a rename there is nothing to remove; after an error, the error of the removal is of no use.
        let _ = fs::remove_file(&self.draft);
    }
}
