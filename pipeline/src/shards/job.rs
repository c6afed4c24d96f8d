//! A job: what all shards of a night are computed with, what each has come to, and how a run finds it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use interactions::Scale;
use models::Course;
use serde::{Deserialize, Serialize};
use store::manifest::FileDigest;
use store::repository::{JobFiles, RatingShards, RatingsAccount, RunLock};
use store::working_copy::WorkingCopy;
use store::{GenerationId, Location, Repository};

use super::{DeniedHashes, ShardModel};
use crate::error::{Error, Result};
use crate::gate::Part;

const PLAN: &str = "plan.json";
const DONE: &str = "done";
const ITEMS: &str = "items.parquet";
/// How long calls to a bucket that does not answer are repeated. Whoever gives out shards gives them out again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What all shards are computed with. It is written last of what they need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the job is of: a digest of inputs, settings and program. A run goes on with a job of its own key alone.
    pub key: String,
    /// The digest of the program that made it. Another computes none of its shards.
    pub program: String,
    /// How many shards there are.
    pub n_shards: u32,
    /// The length of a list.
    pub depth: usize,
    /// The stars that there are.
    pub scale: Scale,
    /// The file of the items.
    pub items: FileDigest,
    /// The ratings of all shards.
    pub ratings: RatingsPlan,
    /// On how many shards, from the first on, the items were trained; `None` where it was on all.
    pub n_trained: Option<u32>,
    /// Hashes of the users and movies that must not be in the ratings.
    pub denied: DeniedHashes,
    /// What held-out ratings have said of the model.
    pub metrics: BTreeMap<String, f64>,
    /// How training went.
    pub course: Course,
}

/// Where the ratings of a job's shards are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingsPlan {
    /// A place of their own; `None` where they are among the files of the job.
    pub location: Option<Location>,
    /// What they say of themselves.
    pub account: FileDigest,
}

/// What has come of a shard, once its results have been read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardAccount {
    /// Its file.
    pub file: FileDigest,
    /// A digest of its records: equal for equal content, whoever wrote the file.
    pub content: String,
    /// What its users have rated.
    pub n_ratings: u64,
    /// Pairs of a user and an unseen candidate.
    pub n_candidates: u64,
    /// Users who have rated no candidate at all.
    pub n_strangers: u64,
    /// What was seen of its lists.
    pub lists: Part,
}

/// A job and where its files are.
#[derive(Debug)]
pub struct Job<'a> {
    files: JobFiles<'a>,
    plan: Plan,
}

impl<'a> Job<'a> {
    /// The job with a key, if a run has prepared one and not ended it, and nobody else may be at it. Accounts that its files
    /// belie are gone.
    ///
    /// # Errors
    /// Those of the store.
    pub fn resume(repository: &'a Repository, lock: &RunLock, key: &str) -> Result<Option<Self>> {
        for id in repository.jobs()?.into_iter().rev() {
            match Self::open(repository, id) {
                Ok(job) if job.plan.key == key && job.files.may_go_on(lock)? => {
                    job.doubt()?;
                    return Ok(Some(job));
                }
                // Of another night, or of one that did not get so far.
                Ok(_) | Err(Error::NotPrepared { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Begins a job: `prepare` sends what the shards need, all but the items, and says the plan.
    ///
    /// # Errors
    /// Those of the store, and of `prepare`.
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

    /// The job of a generation in the making.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where no run has prepared it, or not with this release.
    pub fn open(repository: &'a Repository, id: GenerationId) -> Result<Self> {
        let files = repository.job(id.clone());
        let plan = files.read(PLAN)?.and_then(|text| serde_json::from_slice(&text).ok());
        match plan {
            Some(plan) => Ok(Self { files, plan }),
            None => Err(Error::NotPrepared { location: repository.location().clone(), job: Some(id) }),
        }
    }

    /// That the job has not been ended meanwhile, by another run.
    ///
    /// # Errors
    /// [`Error::JobGone`]; those of the store.
    pub fn is_there(&self) -> Result<()> {
        match self.files.read(PLAN)? {
            Some(_) => Ok(()),
            None => Err(Error::JobGone { job: self.id().clone() }),
        }
    }

    /// The newest job that is prepared.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where there is none.
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

    /// What all its shards are computed with.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The files that it shares.
    #[must_use]
    pub fn files(&self) -> &JobFiles<'a> {
        &self.files
    }

    /// The ratings of its shards, and what they say of themselves.
    ///
    /// # Errors
    /// [`Error::OtherRatings`] where they are others than those of the plan; those of the store.
    pub fn ratings(&self) -> Result<(RatingShards, RatingsAccount)> {
        let RatingsPlan { location, account: planned } = &self.plan.ratings;
        let shards = match location {
            None => self.files.ratings(),
            Some(location) => RatingShards::open(location, PATIENCE)?,
        };
        let (account, found) = shards.account()?;
        if found != *planned {
            return Err(Error::OtherRatings { job: self.id().clone() });
        }
        Ok((shards, account))
    }

    /// The model that all its shards are computed with, by way of a copy below `work` where the job is far away.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] where it is not what the plan says; those of the store.
    pub fn model(&self, work: &Path) -> Result<ShardModel> {
        let Plan { items, depth, scale, .. } = &self.plan;
        let copy = WorkingCopy::create(work)?;
        let file = self.files.fetch(ITEMS, copy.dir())?;
        items.check(file.path())?;
        ShardModel::read(file.path(), *depth, *scale)
    }

    /// The shards that nobody has done yet.
    ///
    /// # Errors
    /// Those of the store.
    pub fn missing(&self) -> Result<Vec<u32>> {
        let done = self.files.names(DONE)?;
        let done: BTreeSet<&str> = done.iter().map(String::as_str).collect();
        Ok((0..self.plan.n_shards).filter(|&shard| !done.contains(account_name(shard).as_str())).collect())
    }

    /// Takes away the accounts that cannot be read, and those of files that are not there as these say.
    fn doubt(&self) -> Result<()> {
        let missing: BTreeSet<u32> = self.missing()?.into_iter().collect();
        for shard in (0..self.plan.n_shards).filter(|shard| !missing.contains(shard)) {
            let said = self.account(shard)?.map(|account| account.file.bytes);
            if said.is_none() || self.files.users_size(shard)? != said {
                tracing::warn!(shard, "its file is not what its account says; it is computed again");
                self.remove_account(shard)?;
            }
        }
        Ok(())
    }

    /// What has come of a shard; `None` while it is not done.
    ///
    /// # Errors
    /// Those of the store.
    pub fn account(&self, shard: u32) -> Result<Option<ShardAccount>> {
        let text = self.files.read(&account_key(shard))?;
        // One that cannot be read is made again.
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Says that a shard is done, unless somebody has said so before; whether it now is as `account` has it.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn put_account(&self, shard: u32, account: &ShardAccount) -> Result<bool> {
        let text = serde_json::to_vec(account)
            .map_err(|e| Error::Internal { what: "the account of a shard", detail: e.to_string() })?;
        Ok(self.files.write_once(&account_key(shard), &text)?)
    }

    /// Says that a shard is not done.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn remove_account(&self, shard: u32) -> Result<()> {
        Ok(self.files.remove(&account_key(shard))?)
    }

    /// Ends it: first of all what says that it is one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn end(&self) -> Result<()> {
        self.files.remove(PLAN)?;
        Ok(self.files.end()?)
    }
}

fn account_key(shard: u32) -> String {
    format!("{DONE}/{}", account_name(shard))
}

fn account_name(shard: u32) -> String {
    format!("{shard:05}.json")
}
