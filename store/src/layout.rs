//! The layout of a repository, the same in a directory and in a bucket.
//!
//! ```text
//! CURRENT                           the id of the published generation, and those published before
//! generations/<id>/claim            written first, in buckets and by jobs
//! generations/<id>/seal             written by the run that completes the generation of a job
//! generations/<id>/manifest.json    written last: a generation without it is incomplete
//! generations/<id>/records/...      a sled directory
//! generations/<id>/users/...        the records of users by shard, of a run that is cut into shards
//! generations/<id>/sample.bin       the sample of the input, for the gate of later runs
//! generations/<id>/...              other files of the run (rejects.csv)
//! jobs/<id>/...                     the shared files of a run that is cut into shards
//! reports/<id>.html, latest.html    the reports of runs
//! pinned/<id>, withdrawn/<id>       marks
//! LOCK, CURRENT.lock                locks of writers, in directories only
//! ```

use std::path::{Path, PathBuf};

use crate::ids::GenerationId;

/// The file that names the published generation.
pub const CURRENT: &str = "CURRENT";
/// The manifest of a generation.
pub const MANIFEST: &str = "manifest.json";
/// The directory of the records of a generation.
pub const RECORDS: &str = "records";
/// The directory of the shards of users of a generation.
pub const USERS: &str = "users";
/// The folder of all generations.
pub(crate) const GENERATIONS: &str = "generations";
/// The folder of all jobs.
pub(crate) const JOBS: &str = "jobs";
/// The folder of all reports.
pub(crate) const REPORTS: &str = "reports";
/// The first file of a generation in a bucket, or of a job: the run that creates it may write the others.
pub(crate) const CLAIM: &str = "claim";
/// The file that is written before the generation of a job is completed: the run that creates it may complete it.
pub(crate) const SEAL: &str = "seal";
/// The account of rating shards.
pub(crate) const SHARDS: &str = "shards.json";
/// The file that a run keeps locked.
pub(crate) const LOCK: &str = "LOCK";

/// The maximum length in bytes of an object that is read whole, by its kind. Each is some ten times what the largest
/// repository needs.
pub(crate) fn max_bytes(key: &str) -> u64 {
    let (folder, name) = (key.split('/').next().unwrap_or_default(), key.rsplit('/').next());
    match (folder, name) {
        // A generation of the most shards has a hundred thousand files.
        (_, Some(MANIFEST | SHARDS)) | (REPORTS, _) => 128 << 20,
        // The plan has a hash of each entry of the deny list.
        (JOBS, _) => 1 << 30,
        // CURRENT, marks with a person's note, claims and seals.
        _ => 1 << 20,
    }
}

/// The name of the file of a shard of users.
pub(crate) fn users_file(shard: u32) -> String {
    format!("{USERS}/{shard:05}.parquet")
}

/// The directory of a generation in the directory of a repository.
#[must_use]
pub fn generation_dir(output: &Path, id: &GenerationId) -> PathBuf {
    generations_dir(output).join(id.as_str())
}

/// The directory of all generations in the directory of a repository.
#[must_use]
pub fn generations_dir(output: &Path) -> PathBuf {
    output.join(GENERATIONS)
}

/// The key of a generation's file.
pub(crate) fn key(id: &GenerationId, name: &str) -> String {
    format!("{GENERATIONS}/{id}/{name}")
}

/// The key of a report.
pub(crate) fn report_key(id: &GenerationId) -> String {
    format!("{REPORTS}/{id}.html")
}
