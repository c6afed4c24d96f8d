//! Cuts ratings into shards, one file each. A run cuts them for its own shards, `pipeline partition` for later runs.

use std::path::Path;

use indicatif::ProgressBar;
use interactions::Csr;
use interactions::{ItemIndex, Vocabulary};
use rayon::prelude::*;
use store::UserId;
use store::manifest::FileDigest;
use store::repository::RatingShards;
use store::shards::{RatingsBatch, RatingsWriter, shard_of};

use crate::error::Result;

/// The maximum number of users in a batch.
const BATCH: usize = 8192;

/// Writes the ratings (n_users x n_items) of each shard to a file in `dir` and uploads it, several at once. Returns the
/// files' digests, in order. Cost: a pass over the ratings.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn cut(
    by_user: &Csr,
    vocabulary: &Vocabulary,
    n_shards: u32,
    to: &RatingShards,
    dir: &Path,
    bar: &ProgressBar,
) -> Result<Vec<FileDigest>> {
    let mut users: Vec<Vec<(usize, UserId)>> = vec![Vec::new(); n_shards as usize];
    for (row, &user) in vocabulary.users().iter().enumerate() {
        users[shard_of(user, n_shards) as usize].push((row, user));
    }
    bar.set_length(u64::from(n_shards));
    let digests = users.par_iter().zip(0..n_shards).map(|(users, shard)| {
        let path = dir.join(format!("ratings-{shard:05}.parquet"));
        let mut writer = RatingsWriter::create(&path)?;
        for users in users.chunks(BATCH) {
            let mut batch = RatingsBatch::default();
            for &(row, user) in users {
                let (items, stars) = by_user.row(row);
                let movies: Vec<u32> =
                    items.iter().map(|&item| vocabulary.movie(ItemIndex(item)).get()).collect();
                batch.push(user, &movies, stars);
            }
            writer.put(&batch)?;
        }
        writer.finish()?;
        let digest = FileDigest::of(&path)?;
        to.send(&path, shard)?;
        bar.inc(1);
        std::fs::remove_file(&path).map_err(store::Error::io("remove", &path))?;
        Ok(digest)
    });
    digests.collect()
}
