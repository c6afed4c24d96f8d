//! `pipeline partition`: ratings cleaned and cut once, for runs that read them by shards.

use std::path::PathBuf;

use interactions::Csr;
use interactions::Scale;
use progress::{Progress, Unit};
use reading::{self, Movies, REJECTS};
use reading::{InputFile, read_numbered};
use store::local_copy::WorkingCopy;
use store::manifest::Rows;
use store::repository::RatingShards;
use store::{DenyList, Location, PATIENCE};

use super::cut;
use crate::error::Result;

/// What to cut, and where to.
#[derive(Debug, Clone)]
pub struct PartitionSettings {
    /// The ratings: a CSV file.
    pub ratings: PathBuf,
    /// The stars that a rating may have.
    pub scale: Scale,
    /// What is left out.
    pub deny_list: Option<DenyList>,
    /// How many shards there will be.
    pub n_shards: u32,
    /// Where they go, in place of those that are there.
    pub to: Location,
    /// Where files are until they are there.
    pub work: PathBuf,
}

/// What has been cut.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Users in all of them.
    pub n_users: usize,
    /// What became of the rows.
    pub rows: Rows,
}

/// Cleans ratings, cuts them into shards and says that these are whole. Until then no run takes them. Memory: that of
/// cleaning.
///
/// # Errors
/// Those of [`read_numbered`] and of the store.
pub fn partition(settings: &PartitionSettings, progress: Progress) -> Result<Partition> {
    let PartitionSettings { ratings, scale, deny_list, n_shards, to, work } = settings;
    let (clean, vocabulary) =
        read_numbered(&InputFile::open(ratings)?, *scale, deny_list.as_ref(), progress)?;
    let by_user = Csr::by_user(&clean.ratings, &vocabulary);
    let copy = WorkingCopy::create(work)?;
    let to = RatingShards::open(to, PATIENCE)?;
    to.begin()?;
    reading::write_rejects(copy.dir(), &clean, &Movies::default())?;
    to.send_beside(&copy.dir().join(REJECTS), REJECTS)?;
    let bar = progress.bar("cutting", Unit::Count);
    let digests = cut(&by_user, &vocabulary, *n_shards, &to, copy.dir(), &bar)?;
    bar.finish_and_clear();
    to.end(digests, Some(clean.rows.clone()))?;
    Ok(Partition { n_users: vocabulary.users().len(), rows: clean.rows })
}
