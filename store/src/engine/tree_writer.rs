//! One tree of a draft generation: records in ascending order of their ids.
//!
//! Trees share a directory and nothing else, so that each may be written by a thread of its own.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::leaves::Leaves;
use super::{Tree, failed};
use crate::error::{Error, Result};
use crate::records::{Key, Record};

/// Writes the records of a tree, each once, by ascending key.
#[derive(Debug)]
pub struct TreeWriter<K, R> {
    tree: Tree,
    /// The sled directory, for messages.
    path: PathBuf,
    records: sled::Tree,
    /// Digests the records in the order of their keys.
    hasher: blake3::Hasher,
    /// The last key.
    last: Option<u32>,
    /// Announced keys without a record.
    n_awaited: u64,
    leaves: Leaves,
    kind: PhantomData<fn(K, R)>,
}

impl<K: Key, R: Record> TreeWriter<K, R> {
    pub(super) fn new(records: sled::Tree, tree: Tree, path: &Path) -> Self {
        Self {
            tree,
            path: path.to_path_buf(),
            records,
            hasher: blake3::Hasher::new(),
            last: None,
            n_awaited: 0,
            leaves: Leaves::default(),
            kind: PhantomData,
        }
    }

    /// Announces the keys of all records, ascending. Each announced key needs a record.
    ///
    /// sled splits a node by writing both halves again and seldom reuses the space of the old copies: records that are
    /// put one after another take 1.8 times their bytes on disk. With the keys in place, nodes split while they are
    /// nearly empty. Each record is then written twice: alone, and again with its leaf.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn announce(&mut self, keys: impl IntoIterator<Item = K>) -> Result<()> {
        for key in keys {
            self.records.insert(key.number().to_be_bytes(), &[]).map_err(failed(&self.path))?;
            self.n_awaited += 1;
        }
        Ok(())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] for a key that is not above the last one; [`Error::Engine`], [`Error::Encode`].
    pub fn put(&mut self, key: K, record: &R) -> Result<()> {
        let key = key.number();
        if self.last.is_some_and(|last| last >= key) {
            return Err(Error::OutOfOrder { tree: self.tree.name(), key });
        }
        self.last = Some(key);
        let value = record.encode()?;
        self.hasher.update(&key.to_be_bytes());
        self.hasher.update(&(value.len() as u64).to_le_bytes());
        self.hasher.update(&value);
        let n_bytes = value.len();
        let before = self.records.insert(key.to_be_bytes(), value).map_err(failed(&self.path))?;
        // Keys ascend, so a key that is present was announced. Unannounced records are written with their leaf.
        if before.is_some() {
            self.n_awaited -= 1;
            self.leaves.count(key, n_bytes);
            if self.leaves.are_many() {
                self.join_leaves()?;
            }
        }
        Ok(())
    }

    /// Makes sled write each full leaf in one piece, which takes a reader one read.
    fn join_leaves(&mut self) -> Result<()> {
        for key in self.leaves.take() {
            // Removes a key that does not exist. sled rewrites the leaf for that, and not for an equal value.
            let [a, b, c, d] = key.to_be_bytes();
            let nothing = None::<&[u8]>;
            let removed = self.records.compare_and_swap([a, b, c, d, 0], nothing, nothing);
            // The inner result says whether another writer interfered; there is none.
            let _ = removed.map_err(failed(&self.path))?;
        }
        Ok(())
    }

    /// Closes the tree. Returns its name and the digest of its records.
    ///
    /// # Errors
    /// [`Error::MissingRecords`] where an announced key has no record; [`Error::Engine`].
    pub(crate) fn close(mut self) -> Result<(&'static str, blake3::Hash)> {
        self.join_leaves()?;
        match self.n_awaited {
            0 => Ok((self.tree.name(), self.hasher.finalize())),
            n => Err(Error::MissingRecords { tree: self.tree.name(), n }),
        }
    }
}
