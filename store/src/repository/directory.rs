//! Objects as files of a directory: of this machine, or of a file system that several machines share.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use url::Url;

use super::objects::{Objects, Version};
use super::pace::Pace;
use crate::durable;
use crate::error::{Error, Result};
use crate::layout::LOCK;

/// Bytes copied at a time where the bandwidth is bounded.
const PART: usize = 1 << 20;
/// The end of the name of the file that is locked while an object is replaced.
const LOCK_OF_OBJECT: &str = ".lock";

/// Files below a directory, which is created by the first write.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }
}

impl Objects for Directory {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => {
                let version = version(&bytes);
                Ok(Some((bytes, version)))
            }
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(Error::io("read", path)(e)),
        }
    }

    fn write(&self, key: &str, content: &[u8]) -> Result<()> {
        let path = self.path(key);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        durable::write_file(&path, |file| file.write_all(content))
    }

    /// Holds a lock, so that no other process replaces the object between the comparison and the rename.
    fn replace(&self, key: &str, content: &[u8], seen: &Version) -> Result<bool> {
        let lock = self.path(&format!("{key}{LOCK_OF_OBJECT}"));
        let dir = lock.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let file = open_lock(&lock)?;
        file.lock().map_err(Error::io("lock", &lock))?;
        let now = self.read(key)?.map_or(Version::ABSENT, |(_, version)| version);
        if now != *seen {
            return Ok(now == version(content));
        }
        self.write(key, content)?;
        Ok(true)
    }

    fn remove(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Ok(()) => path.parent().map_or(Ok(()), durable::sync_dir),
            Err(e) if is_absent(&e) => Ok(()),
            Err(e) => Err(Error::io("remove", path)(e)),
        }
    }

    fn remove_all(&self, folder: &str) -> Result<()> {
        let path = self.path(folder);
        match fs::remove_dir_all(&path) {
            Err(e) if !is_absent(&e) => Err(Error::io("remove", path)(e)),
            _ => Ok(()),
        }
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if is_absent(&e) => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("list", path)(e)),
        };
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let names: io::Result<Vec<_>> = entries.map(name).collect();
        let mut names = names.map_err(Error::io("list", path))?;
        names.retain(|name| !durable::is_draft(name) && !name.ends_with(LOCK_OF_OBJECT));
        names.sort_unstable();
        Ok(names)
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(Error::io("look at", path)(e)),
        }
    }

    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool> {
        let from = self.path(key);
        let copied =
            if pace.is_bounded() { copy_slowly(&from, to, pace) } else { fs::copy(&from, to).map(|_| ()) };
        match copied {
            Ok(()) => Ok(true),
            Err(e) if is_absent(&e) => Ok(false),
            Err(e) => Err(Error::io("copy", from)(e)),
        }
    }

    fn in_place(&self, key: &str) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()> {
        let path = self.path(key);
        let dir = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let mut source = File::open(from).map_err(Error::io("open", from))?;
        sent(durable::write_file(&path, |file| io::copy(&mut source, file))?);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let (from, to) = (self.path(from), self.path(to));
        let dir = to.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        match durable::move_to(&from, &to) {
            Ok(()) => Ok(true),
            // Another process may have renamed it in the meantime.
            Err(Error::Io { source, .. }) if is_absent(&source) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn remove_remnants(&self, folder: &str) -> Result<()> {
        durable::remove_old_drafts(&self.path(folder))
    }

    fn lock(&self) -> Result<Option<File>> {
        fs::create_dir_all(&self.root).map_err(Error::io("create", &self.root))?;
        let path = self.path(LOCK);
        let mut file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Optional: the error is useful without it.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim_end() {
                    "" => "an unknown process",
                    known => known,
                };
                return Err(Error::Locked { path, holder: holder.to_owned() });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
        let holder = super::adding::signature();
        file.set_len(0)
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(Error::io("write", &path))?;
        Ok(Some(file))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn url(&self, key: &str) -> Result<String> {
        let path = self.path(key);
        let whole = std::path::absolute(&path).map_err(Error::io("find", &path))?;
        let none = || Error::io("name", path)(io::Error::other("it has no URL"));
        Url::from_file_path(whole).map(Into::into).map_err(|()| none())
    }
}

/// Opens a lock file, and creates it where it does not exist.
fn open_lock(path: &Path) -> Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("open", path))
}

fn copy_slowly(from: &Path, to: &Path, pace: &mut Pace) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut part = vec![0; PART];
    loop {
        let n = from.read(&mut part)?;
        if n == 0 {
            return Ok(());
        }
        to.write_all(&part[..n])?;
        pace.count(n as u64);
    }
}

fn version(content: &[u8]) -> Version {
    Version(Some(blake3::hash(content).to_hex().to_string()))
}

/// Whether an error says that a file does not exist: its directory may be missing, or be a file.
fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
