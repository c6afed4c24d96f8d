//! Makes records of the shards of users that a reader owns, in the reader's own copy of a generation.
//!
//! A shard has trees of its own, so that its users go in by ascending id, which is what keeps sled's files small, and
//! none has to wait for another. What it is loaded from has been checked against the manifest before.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::layout::RECORDS;
use crate::records::{Factors, History, Key, Record, TopN, trees};
use crate::shards::{ResultsReader, shard_of};
use crate::writer::{TreeWriter, close_whole, config};

/// The tree of a shard's records of a kind.
pub(crate) fn tree_name(tree: &str, shard: u32) -> String {
    format!("{tree}/{shard:05}")
}

/// The records of a copy while shards are made records of it, one after the other.
pub(crate) struct Loader {
    db: sled::Db,
    records: PathBuf,
    n_shards: u32,
}

impl Loader {
    /// Opens the records of a copy in `dir`, of a generation of so many shards.
    ///
    /// # Errors
    /// [`Error::Sled`].
    pub(crate) fn open(dir: &Path, n_shards: u32) -> Result<Self> {
        let records = dir.join(RECORDS);
        let db = config(&records).open().map_err(Error::sled(&records))?;
        Ok(Self { db, records, n_shards })
    }

    /// Loads a shard from its file.
    ///
    /// # Errors
    /// [`Error::Damaged`] for users that are out of order or of another shard; [`Error::Sled`].
    pub(crate) fn load(&self, shard: u32, file: &Path) -> Result<()> {
        let reader = ResultsReader::open(file)?;
        let users = reader.users()?;
        self.check(&users, shard, file)?;
        let mut top_n: TreeWriter<UserId, TopN> = self.tree(trees::TOP_N, shard)?;
        let mut histories: TreeWriter<UserId, History> = self.tree(trees::HISTORIES, shard)?;
        let mut factors: TreeWriter<UserId, Factors> = self.tree(trees::USER_FACTORS, shard)?;
        top_n.announce(users.iter().copied())?;
        histories.announce(users.iter().copied())?;
        factors.announce(users.iter().copied())?;
        for batch in reader.batches() {
            let batch = batch?;
            for row in 0..batch.len() {
                let (user, list, history, own_factors) = batch.records(row);
                top_n.put(user, &list)?;
                histories.put(user, &history)?;
                factors.put(user, &own_factors)?;
            }
        }
        top_n.close()?;
        histories.close()?;
        factors.close().map(|_| ())
    }

    /// Closes the records, whole.
    ///
    /// # Errors
    /// [`Error::Sled`].
    pub(crate) fn close(self) -> Result<()> {
        close_whole(self.db, &self.records)
    }

    fn check(&self, users: &[UserId], shard: u32, file: &Path) -> Result<()> {
        let unordered = users.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| pair[1]);
        let stray = || users.iter().copied().find(|&user| shard_of(user, self.n_shards) != shard);
        let Some(user) = unordered.or_else(stray) else { return Ok(()) };
        let detail = format!("user {user} is out of order, or of another shard than {shard}");
        Err(Error::Damaged { path: file.to_path_buf(), detail })
    }

    fn tree<K: Key, R: Record>(&self, tree: &'static str, shard: u32) -> Result<TreeWriter<K, R>> {
        TreeWriter::open_as(&self.db, tree, &tree_name(tree, shard), &self.records)
    }
}
