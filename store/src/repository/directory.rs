//! Objects as files of a directory: of this machine, or of a file system that several machines share.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::objects::{Objects, Version};
use super::pace::Pace;
use crate::durable;
use crate::error::{Error, Result};
use crate::files;
use crate::layout::{self, LOCK};
use crate::manifest::FileDigest;

/// Bytes copied at a time where the bandwidth is bounded.
const PART: usize = 1 << 20;
/// The time for which a replacement waits for another one, which takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
/// The maximum length of the text that names the holder of a lock.
const MAX_HOLDER: u64 = 200;
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
        let found = unless_absent(files::read(&self.path(key), layout::max_bytes(key)))?;
        Ok(found.map(|bytes| {
            let version = version(&bytes);
            (bytes, version)
        }))
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
        let file = files::open_to_write(&lock)?;
        lock_within(&file, LOCK_PATIENCE).map_err(Error::io("lock", &lock))?;
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
        unless_absent(files::length(&self.path(key)))
    }

    fn digest(&self, key: &str) -> Result<Option<FileDigest>> {
        unless_absent(FileDigest::of(&self.path(key)))
    }

    fn download(&self, key: &str, to: &Path, pace: &mut Pace) -> Result<bool> {
        let path = self.path(key);
        let Some((from, metadata)) = unless_absent(files::open(&path))? else { return Ok(false) };
        let copied = File::create(to).and_then(|to| copy(from, to, metadata.len(), pace));
        copied.map(|()| true).map_err(Error::io("copy", path))
    }

    fn in_place(&self, key: &str) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn upload(&self, from: &Path, key: &str, sent: &mut dyn FnMut(u64)) -> Result<()> {
        let path = self.path(key);
        let dir = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let (mut source, _) = files::open(from)?;
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
        let mut file = files::open_to_write(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path, holder: holder(&mut file) });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
        // A file with another name is only locked: what is written would be in the other place, too.
        if files::has_one_name(&file).map_err(Error::io("look at", &path))? {
            let holder = super::adding::signature();
            file.set_len(0)
                .and_then(|()| file.write_all(holder.as_bytes()))
                .map_err(Error::io("write", &path))?;
        }
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

/// The text by which the holder of a lock names itself. Another program may have written anything.
fn holder(file: &mut File) -> String {
    let mut text = Vec::new();
    // Optional: the error is useful without it.
    let _ = file.take(MAX_HOLDER).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let name = text.trim_end();
    if name.is_empty() { "an unknown process".to_owned() } else { name.to_owned() }
}

/// Takes a lock that others hold for moments only.
fn lock_within(file: &File, patience: Duration) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                let held =
                    format!("another process has held it for {} s; end that process", patience.as_secs());
                return Err(io::Error::other(held));
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

/// Copies at most `length` bytes: those that the file had when it was opened.
fn copy(from: File, mut to: File, length: u64, pace: &mut Pace) -> io::Result<()> {
    let mut from = from.take(length);
    if !pace.is_bounded() {
        return io::copy(&mut from, &mut to).map(|_| ());
    }
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

/// The result of opening an object; `None` where it does not exist.
fn unless_absent<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(Error::Io { source, .. }) if is_absent(&source) => Ok(None),
        found => found.map(Some).map_err(Error::of_object),
    }
}

/// Whether an error says that a file does not exist: its directory may be missing, or be a file.
fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
