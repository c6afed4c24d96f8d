//! Cuts ratings into shards: a file each, for whoever computes it.

use std::path::Path;

use indicatif::ProgressBar;
use rayon::prelude::*;
use store::UserId;
use store::shards::{RatingsBatch, RatingsWriter, shard_of};

use crate::error::Result;
use crate::interactions::Interactions;
use crate::vocabulary::{ItemIndex, Vocabulary};

/// Users of a batch.
const BATCH: usize = 8192;

/// Writes the ratings of each shard to a file in `dir` and hands that to `send`, several at once; the file then goes.
/// Cost: a pass over the ratings.
///
/// # Errors
/// Those of the store, and of `send`.
pub fn cut(
    interactions: &Interactions,
    vocabulary: &Vocabulary,
    n_shards: u32,
    dir: &Path,
    bar: &ProgressBar,
    send: impl Fn(&Path, u32) -> Result<()> + Sync,
) -> Result<()> {
    let mut users: Vec<Vec<(usize, UserId)>> = vec![Vec::new(); n_shards as usize];
    for (row, &user) in vocabulary.users().iter().enumerate() {
        users[shard_of(user, n_shards) as usize].push((row, user));
    }
    bar.set_length(u64::from(n_shards));
    users.par_iter().zip(0..n_shards).try_for_each(|(users, shard)| {
        let path = dir.join(format!("ratings-{shard:05}.parquet"));
        let mut writer = RatingsWriter::create(&path)?;
        for users in users.chunks(BATCH) {
            let mut batch = RatingsBatch::default();
            for &(row, user) in users {
                let (items, stars) = interactions.by_user.row(row);
                let movies: Vec<u32> =
                    items.iter().map(|&item| vocabulary.movie(ItemIndex(item)).0).collect();
                batch.push(user, &movies, stars);
            }
            writer.put(&batch)?;
        }
        writer.finish()?;
        send(&path, shard)?;
        bar.inc(1);
        std::fs::remove_file(&path).map_err(crate::error::Error::io("remove", &path))
    })
}
