//! One tree of a generation in the making: records by ascending id.
//!
//! Trees share a sled directory and nothing else, so each may be written by a thread of its own.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::leaves::Leaves;
use crate::error::{Error, Result};
use crate::records::{Key, Record};

/// A tree, what it has taken, and its last key.
#[derive(Debug)]
pub struct TreeWriter<K, R> {
    name: &'static str,
    path: PathBuf,
    tree: sled::Tree,
    hasher: blake3::Hasher,
    last: Option<u32>,
    /// Keys that were announced and have no record yet.
    n_awaited: u64,
    leaves: Leaves,
    kind: PhantomData<fn(K, R)>,
}

impl<K: Key, R: Record> TreeWriter<K, R> {
    pub(super) fn open(db: &sled::Db, name: &'static str, path: &Path) -> Result<Self> {
        Self::open_as(db, name, name, path)
    }

    /// The part of a tree that has a name of its own.
    pub(crate) fn open_as(db: &sled::Db, name: &'static str, part: &str, path: &Path) -> Result<Self> {
        let tree = db.open_tree(part).map_err(Error::sled(path))?;
        Ok(Self {
            name,
            path: path.to_path_buf(),
            tree,
            hasher: blake3::Hasher::new(),
            last: None,
            n_awaited: 0,
            leaves: Leaves::default(),
            kind: PhantomData,
        })
    }

    /// Announces the keys of all records that will be put, ascending. Each then needs one.
    ///
    /// sled splits a node by writing both halves again, and only so often are the dead copies' segments freed: records
    /// that are put one after another take 1.8 times their bytes on disk. Where the keys are there first, nodes split
    /// while they are all but empty. Each record is then written twice: alone, and again with its leaf.
    ///
    /// # Errors
    /// [`Error::Sled`].
    pub fn announce(&mut self, keys: impl IntoIterator<Item = K>) -> Result<()> {
        for key in keys {
            self.tree.insert(key.number().to_be_bytes(), &[]).map_err(Error::sled(&self.path))?;
            self.n_awaited += 1;
        }
        Ok(())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], [`Error::Sled`], [`Error::Encode`].
    pub fn put(&mut self, key: K, record: &R) -> Result<()> {
        let key = key.number();
        if self.last.is_some_and(|last| last >= key) {
            return Err(Error::OutOfOrder { tree: self.name, key });
        }
        self.last = Some(key);
        let value = record.encode()?;
        self.hasher.update(&key.to_be_bytes());
        self.hasher.update(&(value.len() as u64).to_le_bytes());
        self.hasher.update(&value);
        let n_bytes = value.len();
        let before = self.tree.insert(key.to_be_bytes(), value).map_err(Error::sled(&self.path))?;
        // Keys ascend, so whatever was there was announced. Without, leaves are written whole as they split.
        if before.is_some() {
            self.n_awaited -= 1;
            self.leaves.count(key, n_bytes);
            if self.leaves.are_many() {
                self.join_leaves()?;
            }
        }
        Ok(())
    }

    /// Makes sled write each full leaf in one piece, which a reader then gets by one read.
    fn join_leaves(&mut self) -> Result<()> {
        for key in self.leaves.take() {
            // Removes from the leaf what is not there. Putting what is there would be no write to sled, this is one.
            let [a, b, c, d] = key.to_be_bytes();
            let nothing = None::<&[u8]>;
            let removed = self.tree.compare_and_swap([a, b, c, d, 0], nothing, nothing);
            // What was removed conflicts with nothing, for nobody else writes.
            let _ = removed.map_err(Error::sled(&self.path))?;
        }
        Ok(())
    }

    /// Joins the last leaves and lets go of the tree; returns its name and the digest of its records.
    pub(crate) fn close(mut self) -> Result<(&'static str, blake3::Hash)> {
        self.join_leaves()?;
        match self.n_awaited {
            0 => Ok((self.name, self.hasher.finalize())),
            n => Err(Error::Unkept { tree: self.name, n }),
        }
    }
}
