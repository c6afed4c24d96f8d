//! One tree of a generation in the making: records by ascending id.
//!
//! Trees share a sled directory and nothing else, so each may be written by a thread of its own.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

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
    kind: PhantomData<fn(K, R)>,
}

impl<K: Key, R: Record> TreeWriter<K, R> {
    pub(super) fn open(db: &sled::Db, name: &'static str, path: &Path) -> Result<Self> {
        let tree = db.open_tree(name).map_err(Error::sled(path))?;
        Ok(Self {
            name,
            path: path.to_path_buf(),
            tree,
            hasher: blake3::Hasher::new(),
            last: None,
            n_awaited: 0,
            kind: PhantomData,
        })
    }

    /// Announces the keys of records that will be put. Each then needs one.
    ///
    /// It halves what is written. sled splits a node by writing both halves again, and only so often are the dead
    /// copies' segments freed: records that are put one after another take 1.8 times their bytes on disk. Where the
    /// keys are there first, nodes split while they are all but empty, and each record is appended once.
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
        // Keys ascend, so whatever was there was announced.
        let before = self.tree.insert(key.to_be_bytes(), value).map_err(Error::sled(&self.path))?;
        self.n_awaited -= u64::from(before.is_some());
        Ok(())
    }

    /// Lets go of the tree; returns its name and the digest of its records.
    pub(super) fn close(self) -> Result<(&'static str, blake3::Hash)> {
        match self.n_awaited {
            0 => Ok((self.name, self.hasher.finalize())),
            n => Err(Error::Unkept { tree: self.name, n }),
        }
    }
}
