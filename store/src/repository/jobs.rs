//! Jobs: generations whose users are computed shard by shard, by several processes.
//!
//! A job has the name of its generation. The files that its tasks share are beside the generations and are removed when the
//! job ends:
//!
//! ```text
//! jobs/<id>/...                          input, results and receipts of the tasks
//! generations/<id>/claim                 the process that has begun the generation
//! generations/<id>/users/<shard>.parquet the checked results of a shard
//! ```
//!
//! A task may run twice, on two machines, even at the same time, and after its job has ended. So a task writes to a key of
//! its own, and the process that checks the results, while the job lasts and the shard has no receipt, moves them to their
//! final key.

use std::path::Path;

use super::adding::signature;
use super::objects::{Fetched, Version};
use super::{RatingShards, Repository, RunLock};
use crate::error::Result;
use crate::ids::GenerationId;
use crate::layout::{self, CLAIM, JOBS, MANIFEST, SEAL, USERS};

/// The folder of a job's rating shards.
const RATINGS: &str = "ratings";

/// The files of a job in a repository.
#[derive(Debug, Clone)]
pub struct JobFiles<'a> {
    repository: &'a Repository,
    id: GenerationId,
}

impl Repository {
    /// Begins a job under the first free name from now on.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn begin_job(&self) -> Result<JobFiles<'_>> {
        let mut time = jiff::Timestamp::now();
        loop {
            let id = GenerationId::at(time);
            let key = layout::key(&id, CLAIM);
            if self.objects.replace(&key, signature().as_bytes(), &Version::ABSENT)? {
                return Ok(self.job(id));
            }
            time += jiff::SignedDuration::from_millis(1);
        }
    }

    /// The jobs whose generation is not complete, ids ascending.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn jobs(&self) -> Result<Vec<GenerationId>> {
        let mut jobs = Vec::new();
        for id in self.ids(JOBS)? {
            if !self.is_complete(&id)? {
                jobs.push(id);
            }
        }
        Ok(jobs)
    }

    pub(super) fn is_complete(&self, id: &GenerationId) -> Result<bool> {
        Ok(self.objects.size(&layout::key(id, MANIFEST))?.is_some())
    }

    /// The files of a job.
    #[must_use]
    pub fn job(&self, id: GenerationId) -> JobFiles<'_> {
        JobFiles { repository: self, id }
    }
}

impl JobFiles<'_> {
    /// The generation of the job.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// Reads a small file of the job; `None` where it does not exist.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.repository.objects.read(&self.key(name))?.map(|(content, _)| content))
    }

    /// Writes a small file of the job, in place of any other.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.repository.objects.write(&self.key(name), content)
    }

    /// Writes a small file of the job if it does not exist. Returns whether the file now has this content.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn write_once(&self, name: &str, content: &[u8]) -> Result<bool> {
        self.repository.objects.replace(&self.key(name), content, &Version::ABSENT)
    }

    /// Removes a small file of the job, if it exists.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn remove(&self, name: &str) -> Result<()> {
        self.repository.objects.remove(&self.key(name))
    }

    /// The names in a folder of the job, ascending.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn names(&self, folder: &str) -> Result<Vec<String>> {
        self.repository.objects.names(&self.key(folder))
    }

    /// Uploads a file to the job.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn send(&self, from: &Path, name: &str) -> Result<()> {
        self.repository.objects.upload(from, &self.key(name), &mut |_| ())
    }

    /// A file of the job, in place or as a copy in `dir`.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) where it does not exist; [`Error::Io`](crate::Error::Io),
    /// [`Error::Remote`](crate::Error::Remote).
    pub fn fetch(&self, name: &str, dir: &Path) -> Result<Fetched> {
        self.repository.objects.fetch(&self.key(name), dir)
    }

    /// The rating shards among the files of the job.
    #[must_use]
    pub fn ratings(&self) -> RatingShards {
        RatingShards::within(&self.repository.objects, &self.key(RATINGS))
    }

    /// Uploads the results of a shard, to be checked.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn send_results(&self, from: &Path, shard: u32) -> Result<()> {
        self.repository.objects.upload(from, &self.results_key(shard), &mut |_| ())
    }

    /// The URL of the results of a shard, for other programs.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where there is no current directory.
    pub fn results_url(&self, shard: u32) -> Result<String> {
        self.repository.objects.url(&self.results_key(shard))
    }

    /// Moves the results of a shard into the generation. Does nothing where there are none: they were moved before, or the
    /// next read finds them missing.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn take_results(&self, shard: u32) -> Result<()> {
        self.repository.objects.rename(&self.results_key(shard), &self.users_key(shard)).map(|_| ())
    }

    /// The results of a shard in the generation, in place or as a copy in `dir`.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) where it does not exist; [`Error::Io`](crate::Error::Io),
    /// [`Error::Remote`](crate::Error::Remote).
    pub fn fetch_users(&self, shard: u32, dir: &Path) -> Result<Fetched> {
        self.repository.objects.fetch(&self.users_key(shard), dir)
    }

    /// The size in bytes of a shard's results in the generation; `None` where there are none.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn users_size(&self, shard: u32) -> Result<Option<u64>> {
        self.repository.objects.size(&self.users_key(shard))
    }

    /// Removes files beside the results of shards, which killed tasks have left.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn remove_stray_files(&self, n_shards: u32) -> Result<()> {
        let folder = layout::key(&self.id, USERS);
        let kept: Vec<_> = (0..n_shards).map(|shard| self.users_key(shard)).collect();
        for name in self.repository.objects.names(&folder)? {
            let key = format!("{folder}/{name}");
            if kept.binary_search(&key).is_err() {
                self.repository.objects.remove(&key)?;
            }
        }
        Ok(())
    }

    /// Whether a run may continue the job. Without an exclusive `lock`, it may not once another run has begun to complete
    /// the generation.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn may_continue(&self, lock: &RunLock) -> Result<bool> {
        let (objects, seal) = (&self.repository.objects, layout::key(&self.id, SEAL));
        if objects.size(&seal)?.is_none() {
            return Ok(true);
        }
        if lock.is_exclusive() {
            objects.remove(&seal)?;
        }
        Ok(lock.is_exclusive())
    }

    /// Removes the files of the job. The generation is not affected.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn end(&self) -> Result<()> {
        self.repository.objects.remove_all(&format!("{JOBS}/{}", self.id))
    }

    fn key(&self, name: &str) -> String {
        format!("{JOBS}/{}/{name}", self.id)
    }

    fn results_key(&self, shard: u32) -> String {
        self.key(&format!("results/{shard:05}.parquet"))
    }

    fn users_key(&self, shard: u32) -> String {
        layout::key(&self.id, &layout::users_file(shard))
    }
}
