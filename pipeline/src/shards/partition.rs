//! `pipeline partition`: cleans ratings and cuts them into shards, for runs that read them by shards.

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

/// The settings of `pipeline partition`.
#[derive(Debug, Clone)]
pub struct PartitionSettings {
    /// The ratings: a CSV file.
    pub ratings: PathBuf,
    /// The scale of the ratings.
    pub scale: Scale,
    /// The users and movies to leave out, if any.
    pub deny_list: Option<DenyList>,
    /// The number of shards.
    pub n_shards: u32,
    /// The location of the shards. Shards that are there are replaced.
    pub to: Location,
    /// The directory of files before they are uploaded.
    pub work: PathBuf,
}

/// The result of `pipeline partition`.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Users of all shards.
    pub n_users: usize,
    /// The account of the rows.
    pub rows: Rows,
}

/// Cleans ratings, cuts them into shards and then marks these as complete. No run reads them before. Memory: that of
/// cleaning.
///
/// # Errors
/// [`Error::Reading`](crate::Error::Reading) and [`Error::Store`](crate::Error::Store).
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
