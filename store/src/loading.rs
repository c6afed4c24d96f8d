//! Makes records of the shards of users that a reader owns, in the reader's own copy of a generation.
//!
//! A shard has trees of its own, so that its users go in by ascending id, which is what keeps sled's files small, and
//! none has to wait for another. What it is loaded from has been checked against the manifest before.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::layout::{self, RECORDS, USERS};
use crate::records::{Factors, History, TopN, trees};
use crate::shards::{Owned, ResultsReader, shard_of};
use crate::writer::{TreeWriter, close_whole, config};

/// The tree of a shard's records of a kind.
pub(crate) fn tree_name(tree: &str, shard: u32) -> String {
    format!("{tree}/{shard:05}")
}

/// Loads the owned shards of `n_shards` into the records of a copy, and removes their files from it. `origin` is where a
/// shard's file came from, for messages.
///
/// # Errors
/// [`Error::Damaged`] for users that are out of order or of another shard.
pub(crate) fn load(dir: &Path, n_shards: u32, owned: &Owned, origin: impl Fn(u32) -> PathBuf) -> Result<()> {
    let records = dir.join(RECORDS);
    let db = config(&records).open().map_err(Error::sled(&records))?;
    for shard in (0..n_shards).filter(|&shard| owned.has(shard)) {
        load_shard(&db, &records, &dir.join(layout::users_file(shard)), shard, n_shards).map_err(
            |e| match e {
                // The copy is ours and goes away; what the engineer can look at is the original.
                Error::Damaged { detail, .. } => Error::Damaged { path: origin(shard), detail },
                other => other,
            },
        )?;
    }
    close_whole(db, &records)?;
    let users = dir.join(USERS);
    match fs::remove_dir_all(&users) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", users)(e)),
        _ => Ok(()),
    }
}

fn load_shard(db: &sled::Db, records: &Path, file: &Path, shard: u32, n_shards: u32) -> Result<()> {
    let reader = ResultsReader::open(file)?;
    let users = reader.users()?;
    let wrong = |user: UserId| {
        let detail = format!("user {user} is out of order, or of another shard than {shard}");
        Error::Damaged { path: file.to_path_buf(), detail }
    };
    if let Some(pair) = users.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(wrong(pair[1]));
    }
    if let Some(&user) = users.iter().find(|&&user| shard_of(user, n_shards) != shard) {
        return Err(wrong(user));
    }
    let name = |tree| tree_name(tree, shard);
    let mut top_n: TreeWriter<UserId, TopN> =
        TreeWriter::open_as(db, trees::TOP_N, &name(trees::TOP_N), records)?;
    let mut histories: TreeWriter<UserId, History> =
        TreeWriter::open_as(db, trees::HISTORIES, &name(trees::HISTORIES), records)?;
    let mut factors: TreeWriter<UserId, Factors> =
        TreeWriter::open_as(db, trees::USER_FACTORS, &name(trees::USER_FACTORS), records)?;
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
