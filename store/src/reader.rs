//! Opens a generation for reading: from a verified copy of its files, in a directory of the reader's own.
//!
//! The generation may be removed from the repository while a reader serves its copy.

use std::path::Path;
use std::sync::Arc;

use crate::cache::RecordCache;
use crate::error::{Error, Result};
use crate::kept::Note;
use crate::layout::RECORDS;
use crate::manifest::Manifest;
use crate::shards::Owned;
use crate::tables::Tables;
use crate::working_copy::WorkingCopy;

/// A copy of a generation's files of which each was what the manifest says when it was made. What
/// [`Repository::fetch`](crate::repository::Repository::fetch) makes and
/// [`Repository::adopt`](crate::repository::Repository::adopt) takes over; removed when dropped.
#[derive(Debug)]
pub struct LocalCopy {
    manifest: Manifest,
    /// The shards whose users are in it.
    owned: Owned,
    copy: WorkingCopy,
}

/// A generation, open for lookups.
#[derive(Debug)]
pub struct Generation {
    tables: Tables,
    /// Declared last, hence dropped last: sled has closed its files by the time they go.
    copy: Arc<LocalCopy>,
}

impl LocalCopy {
    pub(crate) fn new(manifest: Manifest, owned: Owned, copy: WorkingCopy) -> Self {
        Self { manifest, owned, copy }
    }

    /// The generation's account of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn dir(&self) -> &Path {
        self.copy.dir()
    }

    /// Leaves the copy, of which no generation may be open, to who [adopts](crate::repository::Repository::adopt) it.
    /// Takes as long as it takes to sync its files. Copies that others have left under the same directory are removed.
    ///
    /// # Errors
    /// [`Error::Io`]; the copy is then gone.
    pub fn keep(self) -> Result<()> {
        let note = Note::synced(&self.manifest, &self.owned, self.dir())?.to_bytes()?;
        self.copy.keep(&note)
    }
}

impl Generation {
    /// Opens a copy, which one generation at a time may do; some milliseconds, and more the more records there are.
    /// `cache_bytes` bounds what is kept in memory of the records: a quarter in sled's pages, the rest one by one.
    ///
    /// # Errors
    /// [`Error::Sled`], [`Error::Damaged`] for records that no pipeline writes.
    pub fn open(copy: Arc<LocalCopy>, cache_bytes: u64) -> Result<Self> {
        let path = copy.dir().join(RECORDS);
        let db = sled::Config::new()
            .path(&path)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(cache_bytes / 4)
            .flush_every_ms(None)
            .open()
            .map_err(Error::sled(&path))?;
        let cache = RecordCache::new(cache_bytes - cache_bytes / 4);
        let shards = copy.manifest.n_shards.map(|n_shards| (n_shards, &copy.owned));
        Ok(Self { tables: Tables::of(&db, &path, Some(cache), shards)?, copy })
    }

    /// The generation's account of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.copy.manifest()
    }

    /// Its records.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The copy that it is opened from. It outlives the generation, and can be opened again after it, for as long as
    /// somebody holds it.
    #[must_use]
    pub fn copy(&self) -> Arc<LocalCopy> {
        Arc::clone(&self.copy)
    }
}
