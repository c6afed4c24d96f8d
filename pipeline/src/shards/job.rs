//! The job of a run with shards: the plan that all shards are computed with, and the receipts of the computed shards.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use evaluation::RunQuality;
use interactions::Scale;
use models::TrainingCurve;
use serde::{Deserialize, Serialize};
use store::local_copy::WorkingCopy;
use store::manifest::FileDigest;
use store::repository::{JobFiles, RatingShards, RatingsAccount, RunLock};
use store::{GenerationId, Location, Repository};

use super::{DeniedHashes, ShardModel};
use crate::error::{Error, Result};
use crate::gate::PartialAudit;

const PLAN: &str = "plan.json";
const DONE: &str = "done";
const ITEMS: &str = "items.parquet";
/// The time for which failed calls to a bucket are repeated. An engine then repeats the shard.
pub(super) const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The plan of a job: all that its shards are computed with. It is written last of the files that they need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// A digest of inputs, settings and program. A run resumes only a job of its own key.
    pub key: String,
    /// The digest of the program that wrote the plan. No other program computes shards of the job.
    pub program: String,
    /// The number of shards.
    pub n_shards: u32,
    /// The length of a list.
    pub depth: usize,
    /// The scale of the ratings.
    pub scale: Scale,
    /// The file of the items.
    pub items: FileDigest,
    /// The ratings of all shards.
    pub ratings: RatingsPlan,
    /// The number of shards, from the first on, that the items were trained on; `None` for all.
    pub n_trained: Option<u32>,
    /// Hashes of the users and movies that must not be in the ratings.
    pub denied: DeniedHashes,
    /// The quality of the model on held-out ratings.
    pub quality: RunQuality,
    /// The course of the training.
    pub course: TrainingCurve,
}

/// The place of the ratings of a job's shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingsPlan {
    /// A location of their own; `None` where they are among the files of the job.
    pub location: Option<Location>,
    /// The digest of their account.
    pub account: FileDigest,
}

/// The receipt of a shard whose results were read back and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardReceipt {
    /// The file of results.
    pub file: FileDigest,
    /// A digest of its records: equal for equal content, whichever process wrote the file.
    pub content: String,
    /// Ratings of its users.
    pub n_ratings: u64,
    /// Pairs of a user and an unseen candidate.
    pub n_candidates: u64,
    /// Users who have rated no candidate.
    pub n_cold_users: u64,
    /// The audit of its lists.
    pub lists: PartialAudit,
}

/// A job: its plan and its files.
#[derive(Debug)]
pub struct Job<'a> {
    files: JobFiles<'a>,
    plan: Plan,
}

impl<'a> Job<'a> {
    /// Returns the job with a key, if a run has prepared one, has not ended it, and no other run may hold it. Removes the
    /// receipts that its files contradict.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn resume(repository: &'a Repository, lock: &RunLock, key: &str) -> Result<Option<Self>> {
        for id in repository.jobs()?.into_iter().rev() {
            match Self::open(repository, id) {
                Ok(job) if job.plan.key == key && job.files.may_continue(lock)? => {
                    job.drop_stale_receipts()?;
                    return Ok(Some(job));
                }
                // The job of another run, or of one that ended before its plan.
                Ok(_) | Err(Error::NotPrepared { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Begins a job. `prepare` uploads the other files that the shards need and returns the plan.
    ///
    /// # Errors
    /// [`Error::Store`]; the errors of `prepare`.
    pub fn begin(
        repository: &'a Repository,
        items: &Path,
        prepare: impl FnOnce(&JobFiles<'a>) -> Result<Plan>,
    ) -> Result<Self> {
        let files = repository.begin_job()?;
        files.send(items, ITEMS)?;
        let plan = prepare(&files)?;
        let text = serde_json::to_vec_pretty(&plan)
            .map_err(|e| Error::Internal { what: "the plan of a job", detail: e.to_string() })?;
        files.write(PLAN, &text)?;
        Ok(Self { files, plan })
    }

    /// Opens the job of a generation.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where there is no plan that this release can read; [`Error::Store`].
    pub fn open(repository: &'a Repository, id: GenerationId) -> Result<Self> {
        let files = repository.job(id.clone());
        let plan = files.read(PLAN)?.and_then(|text| serde_json::from_slice(&text).ok());
        match plan {
            Some(plan) => Ok(Self { files, plan }),
            None => Err(Error::NotPrepared { location: repository.location().clone(), job: Some(id) }),
        }
    }

    /// Checks that no other run has ended the job.
    ///
    /// # Errors
    /// [`Error::JobGone`]; [`Error::Store`].
    pub fn check_exists(&self) -> Result<()> {
        match self.files.read(PLAN)? {
            Some(_) => Ok(()),
            None => Err(Error::JobGone { job: self.id().clone() }),
        }
    }

    /// Opens the newest job that has a plan.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where there is none; [`Error::Store`].
    pub fn newest(repository: &'a Repository) -> Result<Self> {
        for id in repository.jobs()?.into_iter().rev() {
            match Self::open(repository, id) {
                Err(Error::NotPrepared { .. }) => {}
                found => return found,
            }
        }
        Err(Error::NotPrepared { location: repository.location().clone(), job: None })
    }

    /// The generation that it makes.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        self.files.id()
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The files of the job.
    #[must_use]
    pub fn files(&self) -> &JobFiles<'a> {
        &self.files
    }

    /// Opens the ratings of its shards and reads their account.
    ///
    /// # Errors
    /// [`Error::OtherRatings`] where they are not those of the plan; [`Error::Store`].
    pub fn ratings(&self) -> Result<(RatingShards, RatingsAccount)> {
        let RatingsPlan { location, account: planned } = &self.plan.ratings;
        let shards = match location {
            None => self.files.ratings(),
            Some(location) => RatingShards::open(location, RETRY_TIMEOUT)?,
        };
        let (account, found) = shards.account()?;
        if found != *planned {
            return Err(Error::OtherRatings { job: self.id().clone() });
        }
        Ok((shards, account))
    }

    /// Reads the model that all its shards are computed with, from a copy below `work` where the job is in a bucket.
    ///
    /// # Errors
    /// [`Error::Store`], [`store::Error::Damaged`] where the file is not that of the plan.
    pub fn model(&self, work: &Path) -> Result<ShardModel> {
        let Plan { items, depth, scale, .. } = &self.plan;
        let copy = WorkingCopy::create(work)?;
        let file = self.files.fetch(ITEMS, copy.dir())?;
        items.check(file.path())?;
        ShardModel::read(file.path(), *depth, *scale)
    }

    /// Returns the shards without a receipt, ascending.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn missing(&self) -> Result<Vec<u32>> {
        let done = self.files.names(DONE)?;
        let done: BTreeSet<&str> = done.iter().map(String::as_str).collect();
        Ok((0..self.plan.n_shards).filter(|&shard| !done.contains(receipt_name(shard).as_str())).collect())
    }

    /// Removes the receipts that cannot be read, and those whose file is missing or of another size.
    fn drop_stale_receipts(&self) -> Result<()> {
        let missing: BTreeSet<u32> = self.missing()?.into_iter().collect();
        for shard in (0..self.plan.n_shards).filter(|shard| !missing.contains(shard)) {
            let recorded = self.receipt(shard)?.map(|receipt| receipt.file.bytes);
            if recorded.is_none() || self.files.users_size(shard)? != recorded {
                tracing::warn!(shard, "its file is not that of its receipt; it is computed again");
                self.remove_receipt(shard)?;
            }
        }
        Ok(())
    }

    /// Returns the receipt of a shard; `None` while the shard is not done.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn receipt(&self, shard: u32) -> Result<Option<ShardReceipt>> {
        let text = self.files.read(&receipt_key(shard))?;
        // A shard whose receipt cannot be read is computed again.
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Writes the receipt of a shard, unless there is one. Returns whether it was written.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) fn put_receipt(&self, shard: u32, receipt: &ShardReceipt) -> Result<bool> {
        let text = serde_json::to_vec(receipt)
            .map_err(|e| Error::Internal { what: "the receipt of a shard", detail: e.to_string() })?;
        Ok(self.files.write_once(&receipt_key(shard), &text)?)
    }

    /// Removes the receipt of a shard, which is then computed again.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) fn remove_receipt(&self, shard: u32) -> Result<()> {
        Ok(self.files.remove(&receipt_key(shard))?)
    }

    /// Ends the job and removes its files, the plan first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn end(&self) -> Result<()> {
        self.files.remove(PLAN)?;
        Ok(self.files.end()?)
    }
}

fn receipt_key(shard: u32) -> String {
    format!("{DONE}/{}", receipt_name(shard))
}

fn receipt_name(shard: u32) -> String {
    format!("{shard:05}.json")
}
