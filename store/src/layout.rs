//! The names of things in a repository, the same in a directory and in a bucket.
//!
//! ```text
//! CURRENT                           the published generation's name
//! generations/<id>/claim            written first; in buckets, and by jobs
//! generations/<id>/seal             written by who completes what a job has made
//! generations/<id>/manifest.json    written last: a generation without it is not whole
//! generations/<id>/records/...      a sled directory
//! generations/<id>/users/...        the users' records by shard, where a run was cut into such
//! generations/<id>/...              what else the run left (rejects.csv)
//! jobs/<id>/...                     what the tasks of a run share, where it was cut into such
//! reports/<id>.html, latest.html   what a person reads of a night; no part of its generation
//! pinned/<id>, withdrawn/<id>       what people said of a generation
//! LOCK, CURRENT.lock                held by who writes; in directories only
//! ```

use std::path::{Path, PathBuf};

use crate::ids::GenerationId;

/// The file that names the published generation.
pub const CURRENT: &str = "CURRENT";
/// The file that makes a generation whole.
pub const MANIFEST: &str = "manifest.json";
/// The sled directory of a generation.
pub const RECORDS: &str = "records";
/// The directory of the shards of users in a generation.
pub const USERS: &str = "users";
/// sled's log in it, which is nearly all of its bytes and carries sled's lock.
pub(crate) const LOG: &str = "db";
/// Where all generations are.
pub(crate) const GENERATIONS: &str = "generations";
/// Where what the tasks of runs share is.
pub(crate) const JOBS: &str = "jobs";
/// Where the reports of all nights are.
pub(crate) const REPORTS: &str = "reports";
/// The file of a bucket's generation, or a job's, that is written first, by the one run that may write the others.
pub(crate) const CLAIM: &str = "claim";
/// The file that is written before a job's generation is completed, by the one run that may complete it.
pub(crate) const SEAL: &str = "seal";
/// The file that a run holds locked from beginning to end.
pub(crate) const LOCK: &str = "LOCK";

/// A generation's file of a shard of users.
pub(crate) fn users_file(shard: u32) -> String {
    format!("{USERS}/{shard:05}.parquet")
}

/// The directory of a generation in an output directory.
#[must_use]
pub fn generation_dir(output: &Path, id: &GenerationId) -> PathBuf {
    generations_dir(output).join(id.as_str())
}

/// The directory of all generations in an output directory.
#[must_use]
pub fn generations_dir(output: &Path) -> PathBuf {
    output.join(GENERATIONS)
}

/// The key of a generation's file.
pub(crate) fn key(id: &GenerationId, name: &str) -> String {
    format!("{GENERATIONS}/{id}/{name}")
}

/// The key of a night's report.
pub(crate) fn report_key(id: &GenerationId) -> String {
    format!("{REPORTS}/{id}.html")
}
