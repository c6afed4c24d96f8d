//! The record engine, sled: a directory with a tree for each kind of record.
//!
//! sled is known here and nowhere else. Keys are big-endian ids, so that a tree is ordered by id; values are bytes that
//! [`records`](crate::records) encodes. A directory is written once, by one process, and then only read; sled locks it
//! and may write to it when it is opened, so that each reader opens a copy of its own.

mod cache;
mod leaves;
mod loading;
mod table;
mod tree_writer;

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files;
use crate::records::{Key, Record};
pub(crate) use cache::RecordCache;
pub(crate) use loading::Loader;
pub(crate) use table::Table;
pub use tree_writer::TreeWriter;

/// The log: nearly all bytes of a directory. sled locks this file.
pub(crate) const LOG: &str = "db";

/// sled's page cache while records are written. Nothing is read then.
const WRITE_CACHE: u64 = 64 << 20;

/// The kinds of records, each a tree of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tree {
    /// One record: the list for unknown users.
    Fallback,
    /// One record, or none where lists are ordered by a model into which ratings cannot be folded.
    UserTerms,
    /// By user: the list.
    TopN,
    /// By user: the ratings.
    Histories,
    /// By movie: the metadata.
    Movies,
    /// By movie: the most similar candidates.
    Similar,
    /// By user: the factors.
    UserFactors,
    /// By candidate: the factors.
    ItemFactors,
}

impl Tree {
    /// The name in the sled directory and in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::UserTerms => "user_terms",
            Self::TopN => "top_n",
            Self::Histories => "histories",
            Self::Movies => "movies",
            Self::Similar => "similar",
            Self::UserFactors => "user_factors",
            Self::ItemFactors => "item_factors",
        }
    }

    /// The name of the part that holds the records of a shard.
    fn part(self, shard: Option<u32>) -> String {
        match shard {
            None => self.name().to_owned(),
            Some(shard) => format!("{}/{shard:05}", self.name()),
        }
    }
}

/// An open directory of records.
#[derive(Debug)]
pub(crate) struct Records {
    db: sled::Db,
    path: PathBuf,
}

impl Records {
    /// Creates a directory.
    ///
    /// # Errors
    /// [`Error::Engine`], also where the directory exists.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::open(path, config(path, WRITE_CACHE).create_new(true))
    }

    /// Opens a directory to write to it.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(crate) fn open_to_write(path: &Path) -> Result<Self> {
        Self::open(path, config(path, WRITE_CACHE))
    }

    /// Opens a directory to read from it, with a page cache of a size in bytes.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(crate) fn open_to_read(path: &Path, cache_bytes: u64) -> Result<Self> {
        Self::open(path, config(path, cache_bytes))
    }

    fn open(path: &Path, config: sled::Config) -> Result<Self> {
        Ok(Self { db: config.open().map_err(failed(path))?, path: path.to_path_buf() })
    }

    /// Opens a tree, or the part of a shard, for reading.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(crate) fn table(
        &self,
        tree: Tree,
        shard: Option<u32>,
        cache: Option<&Arc<RecordCache>>,
    ) -> Result<Table> {
        let part = tree.part(shard);
        Ok(Table::new(self.open_tree(&part)?, self.path.join(part), tree, cache.cloned()))
    }

    /// Opens a tree, or the part of a shard, for writing.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(crate) fn writer<K: Key, R: Record>(
        &self,
        tree: Tree,
        shard: Option<u32>,
    ) -> Result<TreeWriter<K, R>> {
        Ok(TreeWriter::new(self.open_tree(&tree.part(shard))?, tree, &self.path))
    }

    fn open_tree(&self, part: &str) -> Result<sled::Tree> {
        self.db.open_tree(part).map_err(failed(&self.path))
    }

    /// Writes everything to the files and closes them. No tree may be open any more.
    ///
    /// # Errors
    /// [`Error::Engine`]; [`Error::Io`] where sled does not release its files.
    pub(crate) fn close(self) -> Result<()> {
        let Self { db, path } = self;
        db.flush().map_err(failed(&path))?;
        drop(db);
        await_close(&path)?;
        // On opening, sled reads everything since its last snapshot and writes a new one. Done here once, it spares each
        // reader the reading.
        drop(Self::open_to_write(&path)?);
        await_close(&path)
    }
}

fn config(path: &Path, cache_bytes: u64) -> sled::Config {
    sled::Config::new()
        .path(path)
        .mode(sled::Mode::HighThroughput)
        .cache_capacity(cache_bytes)
        // A writer flushes once, at its end; a reader writes nothing.
        .flush_every_ms(None)
}

/// Waits until sled has released the files of a directory, which it does on a thread of its own after the last handle is
/// dropped.
///
/// # Errors
/// [`Error::Io`] where that takes more than a minute.
pub(crate) fn await_close(path: &Path) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(60);

    let log = path.join(LOG);
    let (file, _) = files::open(&log)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                let held = io::Error::other("the record engine has not released it");
                return Err(Error::io("close", &log)(held));
            }
            // On a file system without locks sled has none either.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
}

/// For `map_err`: an error of sled with its directory.
fn failed(path: &Path) -> impl FnOnce(sled::Error) -> Error {
    move |source| Error::Engine { path: path.to_path_buf(), source: Box::new(source) }
}
