//! Loads the users of a generation's shards into the records of a local copy.
//!
//! Each shard has trees of its own, so that its users are written by ascending id, which keeps the files small, without
//! waiting for other shards. The files of shards were checked against the manifest before.

use std::path::Path;

use super::{Records, Tree};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::layout::RECORDS;
use crate::records::{Factors, History, TopN};
use crate::shards::{ResultsReader, shard_of};

/// The records of a local copy, open for loading shards one after the other.
pub(crate) struct Loader {
    records: Records,
    n_shards: u32,
}

impl Loader {
    /// Opens the records of a copy in `dir`, of a generation of `n_shards` shards.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(crate) fn open(dir: &Path, n_shards: u32) -> Result<Self> {
        Ok(Self { records: Records::open_to_write(&dir.join(RECORDS))?, n_shards })
    }

    /// Loads a shard from its file.
    ///
    /// # Errors
    /// [`Error::Damaged`] for users that are out of order or belong to another shard; [`Error::Engine`].
    pub(crate) fn load(&self, shard: u32, file: &Path) -> Result<()> {
        let reader = ResultsReader::open(file)?;
        let users = reader.users()?;
        self.check(&users, shard, file)?;
        let mut top_n = self.records.writer::<UserId, TopN>(Tree::TopN, Some(shard))?;
        let mut histories = self.records.writer::<UserId, History>(Tree::Histories, Some(shard))?;
        let mut factors = self.records.writer::<UserId, Factors>(Tree::UserFactors, Some(shard))?;
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

    /// Writes everything to the files and closes them.
    ///
    /// # Errors
    /// [`Error::Engine`], [`Error::Io`].
    pub(crate) fn close(self) -> Result<()> {
        self.records.close()
    }

    fn check(&self, users: &[UserId], shard: u32, file: &Path) -> Result<()> {
        let unordered = users.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| pair[1]);
        let misplaced = || users.iter().copied().find(|&user| shard_of(user, self.n_shards) != shard);
        let Some(user) = unordered.or_else(misplaced) else { return Ok(()) };
        let detail = format!("user {user} is out of order, or does not belong to shard {shard}");
        Err(Error::Damaged { path: file.to_path_buf(), detail })
    }
}
