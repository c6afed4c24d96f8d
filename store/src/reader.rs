//! Opens a local copy of a generation for lookups. The generation may be removed from the repository meanwhile.

use std::sync::Arc;

use crate::engine::{RecordCache, Records};
use crate::error::Result;
use crate::layout::RECORDS;
pub use crate::local_copy::LocalGeneration;
use crate::manifest::Manifest;
use crate::tables::Tables;

/// A generation, open for lookups.
#[derive(Debug)]
pub struct OpenGeneration {
    tables: Tables,
    /// Dropped last, after the record engine has closed the files.
    copy: Arc<LocalGeneration>,
}

impl OpenGeneration {
    /// Opens a copy, which must not be open yet. Takes milliseconds, and longer for more records. `cache_bytes` bounds the
    /// records in memory: a quarter as pages of the record engine, the rest as single records.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine), [`Error::Damaged`](crate::Error::Damaged) for invalid records.
    pub fn open(copy: Arc<LocalGeneration>, cache_bytes: u64) -> Result<Self> {
        let records = Records::open_to_read(&copy.dir().join(RECORDS), cache_bytes / 4)?;
        let cache = RecordCache::new(cache_bytes - cache_bytes / 4);
        let shards = copy.manifest().n_shards.map(|n_shards| (n_shards, copy.owned()));
        Ok(Self { tables: Tables::of(&records, Some(cache), shards)?, copy })
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.copy.manifest()
    }

    /// The records.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The copy that is open. It can be opened again once this generation is dropped.
    #[must_use]
    pub fn copy(&self) -> Arc<LocalGeneration> {
        Arc::clone(&self.copy)
    }
}
