//! Generations whose users are computed shard by shard, by many processes, while they are in the making.
//!
//! A job has the name of the generation that it makes. What its tasks share lies beside the generations, and goes when
//! it ends:
//!
//! ```text
//! jobs/<id>/...                          what the tasks read, what they make, and their accounts
//! generations/<id>/claim                 whose it is
//! generations/<id>/users/<shard>.parquet what was made of a shard
//! ```
//!
//! A task may run twice, on two machines, even at once, and long after its job has ended: whoever hands tasks out cannot
//! take them back. So a task writes to a name of its own, and only who then reads the file back, while the job goes on and
//! the shard has no account, gives it its final one.

use std::path::Path;

use super::adding::signature;
use super::objects::{Fetched, Version};
use super::{RatingShards, Repository, RunLock};
use crate::error::Result;
use crate::ids::GenerationId;
use crate::layout::{self, CLAIM, JOBS, MANIFEST, SEAL, USERS};

/// The folder of a job's ratings.
const RATINGS: &str = "ratings";

/// What lies in a repository of one job.
#[derive(Debug, Clone)]
pub struct JobFiles<'a> {
    repository: &'a Repository,
    id: GenerationId,
}

impl Repository {
    /// Begins a job under a name of its own, from now.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
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

    /// The jobs that have not ended, by ascending name. What is left of one whose generation is whole is none.
    ///
    /// # Errors
    /// As [`Repository::pointer`].
    pub fn jobs(&self) -> Result<Vec<GenerationId>> {
        let mut jobs = Vec::new();
        for id in self.ids(JOBS)? {
            if !self.is_whole(&id)? {
                jobs.push(id);
            }
        }
        Ok(jobs)
    }

    pub(super) fn is_whole(&self, id: &GenerationId) -> Result<bool> {
        Ok(self.objects.size(&layout::key(id, MANIFEST))?.is_some())
    }

    /// The files of a job.
    #[must_use]
    pub fn job(&self, id: GenerationId) -> JobFiles<'_> {
        JobFiles { repository: self, id }
    }
}

impl JobFiles<'_> {
    /// The generation that it makes.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// A small file of the job; `None` where there is none.
    ///
    /// # Errors
    /// As for every call: [`Error::Io`](crate::Error::Io), [`Error::Remote`](crate::Error::Remote).
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.repository.objects.read(&self.key(name))?.map(|(content, _)| content))
    }

    /// Writes a small file of the job, whatever was there.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.repository.objects.write(&self.key(name), content)
    }

    /// Writes a small file of the job that is not there. Returns whether it has that content now.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn write_once(&self, name: &str, content: &[u8]) -> Result<bool> {
        self.repository.objects.replace(&self.key(name), content, &Version::ABSENT)
    }

    /// Removes a small file of the job, if it is there.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn remove(&self, name: &str) -> Result<()> {
        self.repository.objects.remove(&self.key(name))
    }

    /// The names in a folder of the job.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn names(&self, folder: &str) -> Result<Vec<String>> {
        self.repository.objects.names(&self.key(folder))
    }

    /// Copies a file into the job.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn send(&self, from: &Path, name: &str) -> Result<()> {
        self.repository.objects.upload(from, &self.key(name), &mut |_| ())
    }

    /// A file of the job, to be read where the path says: in place, or a copy in a directory of the caller's.
    ///
    /// # Errors
    /// As [`JobFiles::read`]; [`Error::Damaged`](crate::Error::Damaged) where there is none.
    pub fn fetch(&self, name: &str, dir: &Path) -> Result<Fetched> {
        self.repository.objects.fetch(&self.key(name), dir)
    }

    /// The ratings of its shards, where the job itself has them.
    #[must_use]
    pub fn ratings(&self) -> RatingShards {
        RatingShards::within(&self.repository.objects, &self.key(RATINGS))
    }

    /// Copies what was made of a shard to where tasks leave it.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn send_results(&self, from: &Path, shard: u32) -> Result<()> {
        self.repository.objects.upload(from, &self.results_key(shard), &mut |_| ())
    }

    /// Where tasks leave what they make of a shard, as engines of other makes name it.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where there is no current directory.
    pub fn results_url(&self, shard: u32) -> Result<String> {
        self.repository.objects.url(&self.results_key(shard))
    }

    /// Puts what a task has left of a shard into the generation. Where it has left nothing that was done before, or what
    /// is read next is missing.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn take_results(&self, shard: u32) -> Result<()> {
        self.repository.objects.rename(&self.results_key(shard), &self.users_key(shard)).map(|_| ())
    }

    /// A shard's results, to be read where the path says.
    ///
    /// # Errors
    /// As [`JobFiles::fetch`].
    pub fn fetch_users(&self, shard: u32, dir: &Path) -> Result<Fetched> {
        self.repository.objects.fetch(&self.users_key(shard), dir)
    }

    /// How large the file of a shard's results is; `None` where there is none.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn users_size(&self, shard: u32) -> Result<Option<u64>> {
        self.repository.objects.size(&self.users_key(shard))
    }

    /// Removes what killed tasks have left beside the shards' results.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn tidy_users(&self, n_shards: u32) -> Result<()> {
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

    /// Whether a run may go on with the job, where `lock` says whether others can be at it. None may that another has begun
    /// to complete, unless that one is dead.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
    pub fn may_go_on(&self, lock: &RunLock) -> Result<bool> {
        let (objects, seal) = (&self.repository.objects, layout::key(&self.id, SEAL));
        if objects.size(&seal)?.is_none() {
            return Ok(true);
        }
        if lock.is_exclusive() {
            objects.remove(&seal)?;
        }
        Ok(lock.is_exclusive())
    }

    /// Removes what the tasks have shared. The generation stays as it is.
    ///
    /// # Errors
    /// As [`JobFiles::read`].
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
