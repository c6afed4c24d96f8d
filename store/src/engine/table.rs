//! One tree, or the part of a shard, for reading.

use std::path::PathBuf;
use std::sync::Arc;

use super::cache::RecordCache;
use super::{Tree, failed};
use crate::error::{Error, Result};
use crate::records::{Key, Record, TopN, TopNView};

/// An open tree. With a cache, lookups ask it first.
#[derive(Debug)]
pub(crate) struct Table {
    records: sled::Tree,
    /// The path of the tree, for messages.
    path: PathBuf,
    tree: Tree,
    cache: Option<Arc<RecordCache>>,
}

impl Table {
    pub(super) fn new(
        records: sled::Tree,
        path: PathBuf,
        tree: Tree,
        cache: Option<Arc<RecordCache>>,
    ) -> Self {
        Self { records, path, tree, cache }
    }

    /// The cache that all tables of a generation share.
    pub(crate) fn cache(&self) -> Option<&RecordCache> {
        self.cache.as_deref()
    }

    fn value(&self, key: u32) -> Result<Option<sled::IVec>> {
        // An error copies the path, a lookup does not.
        let get = || self.records.get(key.to_be_bytes()).map_err(|e| failed(&self.path)(e));
        match &self.cache {
            // The parts of a tree share one number: an id is in one of them.
            Some(cache) => cache.record(self.tree as u8, key, get),
            None => get(),
        }
    }

    /// The record of a key.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub(crate) fn get<R: Record>(&self, key: impl Key) -> Result<Option<R>> {
        let key = key.number();
        self.value(key)?.map(|bytes| self.decode(key, &bytes)).transpose()
    }

    /// Calls a function with the list of a key, which is decoded only where it is read.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub(crate) fn view<T>(&self, key: impl Key, look: impl FnOnce(TopNView<'_>) -> T) -> Result<Option<T>> {
        let key = key.number();
        let Some(value) = self.value(key)? else { return Ok(None) };
        let view = TopNView::of(&value).map_err(|detail| self.damaged::<TopN>(key, &detail))?;
        Ok(Some(look(view)))
    }

    /// The keys from one on, ascending, from both ends.
    pub(crate) fn keys_from(&self, from: u32) -> impl DoubleEndedIterator<Item = Result<u32>> + '_ {
        self.records.range(from.to_be_bytes()..).map(|entry| {
            let (key, _) = entry.map_err(failed(&self.path))?;
            self.key(&key)
        })
    }

    /// All records with their keys, ascending.
    pub(crate) fn records<R: Record>(&self) -> impl Iterator<Item = Result<(u32, R)>> + '_ {
        self.records.iter().map(|entry| {
            let (key, value) = entry.map_err(failed(&self.path))?;
            let key = self.key(&key)?;
            Ok((key, self.decode(key, &value)?))
        })
    }

    fn key(&self, key: &[u8]) -> Result<u32> {
        let key = <[u8; 4]>::try_from(key).map_err(|_| Error::Damaged {
            path: self.path.clone(),
            detail: format!("a key has {} bytes", key.len()),
        })?;
        Ok(u32::from_be_bytes(key))
    }

    fn decode<R: Record>(&self, key: u32, bytes: &[u8]) -> Result<R> {
        R::decode(bytes).map_err(|detail| self.damaged::<R>(key, &detail))
    }

    fn damaged<R: Record>(&self, key: u32, detail: &str) -> Error {
        Error::Damaged { path: self.path.clone(), detail: format!("the {} of {key}: {detail}", R::NAME) }
    }

    /// An error for a record that every generation has.
    pub(crate) fn missing(&self, what: &str) -> Error {
        Error::Damaged { path: self.path.clone(), detail: format!("it has no {what}") }
    }
}
