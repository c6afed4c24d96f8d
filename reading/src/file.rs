//! An input file, opened once.
//!
//! An input is read from one open file, by position, and its digest is that of the bytes that were read: the manifest
//! describes the data that the model was trained on. A file that is replaced meanwhile is read to its end; a file that
//! is written to is an error.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use store::files;
use store::manifest::{FileDigest, SourceFile};

use crate::error::{Error, Result};

/// Bytes read at a time where a file is read from front to back.
const BUFFER: usize = 1 << 20;

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct InputFile {
    path: PathBuf,
    file: File,
    /// The length and the time of the last write when the file was opened.
    opened: Stamp,
    /// Computed at the first request.
    digest: OnceLock<FileDigest>,
}

/// The length of a file, and the time of its last write in seconds and nanoseconds.
type Stamp = (u64, i64, i64);

impl InputFile {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Store`] where it cannot be opened, also for a directory, a pipe, a socket or a device.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, metadata) = files::open(path)?;
        Ok(Self { path: path.to_path_buf(), file, opened: stamp(&metadata), digest: OnceLock::new() })
    }

    /// The path that the file was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The length in bytes when the file was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.opened.0
    }

    /// Appends a range of bytes to `buffer`.
    ///
    /// # Errors
    /// [`Error::Store`], and [`Error::Changed`] where the file ends before the range does.
    pub(crate) fn read(&self, range: Range<u64>, buffer: &mut Vec<u8>) -> Result<()> {
        let start = buffer.len();
        buffer.resize(start + (range.end - range.start) as usize, 0);
        self.file.read_exact_at(&mut buffer[start..], range.start).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => Error::Changed { path: self.path.clone() },
            _ => store::Error::io("read", &self.path)(e).into(),
        })
    }

    /// The digest of the whole file. Cost: reading it the first time; about 2 GB a second.
    ///
    /// # Errors
    /// [`Error::Changed`] and [`Error::Store`].
    pub fn digest(&self) -> Result<&FileDigest> {
        if let Some(digest) = self.digest.get() {
            return Ok(digest);
        }
        let mut hasher = Hasher::new();
        let mut buffer = Vec::with_capacity(BUFFER);
        for start in (0..self.length()).step_by(BUFFER) {
            buffer.clear();
            self.read(start..self.length().min(start + BUFFER as u64), &mut buffer)?;
            hasher.update(&buffer);
        }
        self.check_unchanged()?;
        let blake3 = hasher.finalize().to_hex().to_string();
        Ok(self.digest.get_or_init(|| FileDigest { bytes: self.length(), blake3 }))
    }

    /// Whether the content has a given digest. Reads the file only if the lengths are equal.
    ///
    /// # Errors
    /// [`Error::Changed`] and [`Error::Store`].
    pub fn has(&self, digest: &FileDigest) -> Result<bool> {
        Ok(self.length() == digest.bytes && self.digest()? == digest)
    }

    /// Checks that the file was not written to since it was opened.
    fn check_unchanged(&self) -> Result<()> {
        let metadata = self.file.metadata().map_err(store::Error::io("read", &self.path))?;
        if stamp(&metadata) == self.opened { Ok(()) } else { Err(Error::Changed { path: self.path.clone() }) }
    }

    /// Describes the file by the digest of the bytes that were read from it.
    ///
    /// # Errors
    /// [`Error::Changed`] where the file was written to, or [`Self::digest`] has found another digest, and
    /// [`Error::Store`].
    pub(crate) fn describe(&self, digest: FileDigest) -> Result<SourceFile> {
        let mut last = Vec::new();
        self.read(self.length().saturating_sub(1)..self.length(), &mut last)?;
        self.check_unchanged()?;
        if self.digest.get().is_some_and(|before| *before != digest) {
            return Err(Error::Changed { path: self.path.clone() });
        }
        Ok(SourceFile { path: self.path.display().to_string(), digest, ends_with_newline: last == b"\n" })
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// A hasher of the block of a file that begins at `offset`, a multiple of the blocks' size.
///
/// BLAKE3 is a tree over chunks of 1 KiB. A block whose size is a power of two from there on is a subtree, which is
/// hashed apart from the others.
pub(crate) fn hash_block(bytes: &[u8], offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset).update(bytes);
    hasher
}

/// The digest of a file from the hashers of its blocks, in their order.
pub(crate) fn digest_of_blocks(blocks: &[Hasher], length: u64) -> FileDigest {
    let hash = match blocks {
        [] => blake3::hash(&[]),
        [whole] => whole.finalize(),
        blocks => {
            let values: Vec<_> = blocks.iter().map(Hasher::finalize_non_root).collect();
            let (left, right) = values.split_at(n_left(values.len()));
            merge_subtrees_root(&merged(left), &merged(right), Mode::Hash)
        }
    };
    FileDigest { bytes: length, blake3: hash.to_hex().to_string() }
}

/// The chaining value of the tree over at least one subtree.
fn merged(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [one] => *one,
        several => {
            let (left, right) = several.split_at(n_left(several.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

/// The subtrees below the left child of a tree over `n` of them: the largest power of two below `n`.
fn n_left(n: usize) -> usize {
    n.div_ceil(2).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    #[test]
    fn a_digest_of_blocks_equals_that_of_the_whole_file() {
        for n in [0, 1, 1023, 1024, 1025, 2048, 5000, 7 * 1024, 8 * 1024, 9 * 1024 + 1, 100_000] {
            let bytes: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            for block in [1024, 4096] {
                let blocks: Vec<_> = bytes
                    .chunks(block)
                    .enumerate()
                    .map(|(i, bytes)| hash_block(bytes, (i * block) as u64))
                    .collect();
                let digest = digest_of_blocks(&blocks, n as u64);
                assert_eq!(
                    digest.blake3,
                    blake3::hash(&bytes).to_hex().as_str(),
                    "{n} bytes, blocks of {block}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_replaced_is_read_on_and_one_that_is_written_to_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv");
        fs::write(&path, "old\n").unwrap();
        let file = InputFile::open(&path).unwrap();
        let digest = file.digest().unwrap().clone();
        let other = dir.path().join("new.csv");
        fs::write(&other, "another\n").unwrap();
        fs::rename(&other, &path).unwrap();
        let mut read = Vec::new();
        file.read(0..file.length(), &mut read).unwrap();
        assert_eq!(read, b"old\n");
        assert!(file.describe(digest).unwrap().ends_with_newline);

        let file = InputFile::open(&path).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        let error = file.digest().unwrap_err().to_string();
        assert!(
            error.ends_with("was written to while it was read; run again when its export has ended"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_gets_shorter_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv");
        fs::write(&path, "old\n").unwrap();
        let file = InputFile::open(&path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(2).unwrap();
        assert!(matches!(file.digest(), Err(Error::Changed { .. })));
    }
}
