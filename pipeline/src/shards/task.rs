//! One shard: computes the results of its ratings, reads them back and writes the receipt.

use std::path::Path;

use reading::Order;
use store::local_copy::WorkingCopy;
use store::manifest::FileDigest;
use store::records::{Factors, History, Record, TopN};
use store::repository::{Fetched, RatingShards, RatingsAccount};
use store::shards::{Lists, RatingsBatch, RatingsReader, ResultsBatch, ResultsReader, ResultsWriter};
use store::{DenyList, GenerationId, Location, MovieId, Repository, UserId};

use super::job::RETRY_TIMEOUT;
use super::model::UserLists;
use super::{Job, Plan, ShardModel, ShardReceipt};
use crate::error::{Error, Result};
use crate::executable::program_digest;
use crate::gate::{ListRules, PartialAudit};

/// Computes shards of a job: holds the model, loaded once, and a directory for copies.
#[derive(Debug)]
pub struct Task {
    repository: Repository,
    id: GenerationId,
    plan: Plan,
    ratings: (RatingShards, RatingsAccount),
    model: ShardModel,
    work: WorkingCopy,
}

impl Task {
    /// Loads the files that all shards of a job need. Without an id the newest job is opened. Copies are kept below `work`.
    ///
    /// # Errors
    /// [`Error::NotPrepared`], [`Error::OtherProgram`], [`Error::OtherRatings`]; [`Error::Store`].
    pub fn open(location: &Location, id: Option<GenerationId>, work: &Path) -> Result<Self> {
        let repository = Repository::open(location, RETRY_TIMEOUT)?;
        let job = match id {
            Some(id) => Job::open(&repository, id)?,
            None => Job::newest(&repository)?,
        };
        if job.plan().program != program_digest() {
            return Err(Error::OtherProgram { job: job.id().clone() });
        }
        let (ratings, model) = (job.ratings()?, job.model(work)?);
        let (id, plan) = (job.id().clone(), job.plan().clone());
        Ok(Self { repository, id, plan, ratings, model, work: WorkingCopy::create(work)? })
    }

    /// The generation of the job.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// The plan of the job.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The model that computes factors and lists.
    #[must_use]
    pub fn model(&self) -> &ShardModel {
        &self.model
    }

    /// Computes a shard and writes its receipt, unless there is one. Two processes may do so at once: the results are
    /// equal.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number that is not that of a shard; [`Error::BadRatings`]; [`Error::Training`] where factors
    /// diverge; [`Error::NotPrepared`] where the job has ended; [`Error::Store`].
    pub fn run(&self, shard: u32) -> Result<()> {
        let n_shards = self.plan.n_shards;
        if shard >= n_shards {
            return Err(Error::setting(
                "--index",
                shard,
                format!("the job has shards 0 to {}", n_shards - 1),
            ));
        }
        if self.job()?.receipt(shard)?.is_some() {
            tracing::info!(shard, "the shard has a receipt already");
            return Ok(());
        }
        tracing::info!(shard, generation = %self.id, "computing");
        self.compute(shard)?;
        self.check(shard)
    }

    /// Folds in and scores the users of a shard, and uploads the file of results for [`Task::check`].
    fn compute(&self, shard: u32) -> Result<()> {
        let given = self.fetch_ratings(shard)?;
        let ratings_error = |e| self.ratings_error(shard, e);
        let ratings = RatingsReader::open(given.path()).map_err(ratings_error)?;
        let path = self.work.dir().join(format!("users-{shard:05}.parquet"));
        let mut writer = ResultsWriter::create(&path)?;
        for batch in ratings.batches() {
            writer.put(&self.results(shard, batch.map_err(ratings_error)?)?)?;
        }
        writer.finish()?;
        self.repository.job(self.id.clone()).send_results(&path, shard)?;
        Ok(std::fs::remove_file(&path).map_err(store::Error::io("remove", &path))?)
    }

    /// Computes the factors of users of a shard, see [`ShardModel::fold_in`].
    ///
    /// # Errors
    /// [`Error::BadRatings`] naming the file; [`Error::Training`].
    pub fn fold_in(
        &self,
        shard: u32,
        indptr: &[usize],
        movies: &[u32],
        stars: &[f32],
    ) -> Result<(Lists<f32>, Lists<f32>)> {
        let are_trained = self.plan.n_trained.is_none_or(|n| shard < n);
        self.model.fold_in(indptr, movies, stars, are_trained).map_err(|e| match e {
            Error::BadRatings { problem } => self.bad_ratings(shard, problem),
            other => other,
        })
    }

    fn results(&self, shard: u32, history: RatingsBatch) -> Result<ResultsBatch> {
        let (indptr, movies) = (&history.movies.indptr, &history.movies.values);
        let (ranking, rating) = self.fold_in(shard, indptr, movies, &history.stars)?;
        let UserLists { movies, scores, stars } =
            self.model.top_n(&ranking.values, &rating.values, indptr, movies)?;
        Ok(ResultsBatch { history, ranking, rating, movies, scores, stars })
    }

    /// Moves the results of a shard into the generation, reads them back and writes the receipt. A shard that has a receipt
    /// stays as it is.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where the job has ended, whose generation is then left alone; [`Error::BadRatings`];
    /// [`Error::Store`], [`store::Error::Damaged`] where the file is not that of the shard's results. Wrong lists are no
    /// error: the receipt holds them for the gate.
    pub fn check(&self, shard: u32) -> Result<()> {
        let job = self.job()?;
        if job.receipt(shard)?.is_some() {
            return Ok(());
        }
        job.files().take_results(shard)?;
        let results = job.files().fetch_users(shard, self.work.dir())?;
        let file = FileDigest::of(results.path())?;
        let candidates = self.model.candidates();
        let damaged = |detail: String| store::Error::Damaged { path: results.path().to_path_buf(), detail };
        // Denied ids are neither among the ratings, which is checked below, nor among the candidates.
        let rules = ListRules { candidates, depth: self.plan.depth, scale: self.plan.scale, deny: None };
        let (mut lists, mut counts) = (PartialAudit::default(), RatingCounts::default());
        let mut content = blake3::Hasher::new();
        let no_list = DenyList::default();
        let mut order = Order::new(shard, self.plan.n_shards, &no_list);
        let given = self.fetch_ratings(shard)?;
        let ratings_error = |e| self.ratings_error(shard, e);
        let given = RatingsReader::open(given.path()).map_err(ratings_error)?;
        let mut given = histories(&given);
        for batch in ResultsReader::open(results.path())?.batches() {
            let batch = batch?;
            for row in 0..batch.len() {
                let (user, list, history, factors) = batch.records(row);
                if self.plan.denied.denies(&self.id, user, &history.movies) {
                    // This comes first, and the message names no id, since logs outlive a deletion.
                    let problem = "a user or a movie is on the deny list; cut the ratings again with `pipeline partition \
                                   --deny-list`";
                    return Err(self.bad_ratings(shard, problem.to_owned()));
                }
                if given.next().transpose().map_err(ratings_error)?.as_ref() != Some(&(user, history.clone()))
                {
                    let detail = format!("the history of user {user} is not that of the shard's ratings");
                    return Err(damaged(detail).into());
                }
                order
                    .next(user, batch.history.row(row).0)
                    .map_err(|problem| self.bad_ratings(shard, problem))?;
                add_records(&mut content, user, &list, &history, &factors)?;
                lists.add_user(user, Some(&list), Some(&history), &rules);
                counts.add_user(&history, candidates);
            }
        }
        if given.next().is_some() {
            return Err(damaged("users of the shard are missing".to_owned()).into());
        }
        let content = content.finalize().to_hex().to_string();
        let RatingCounts { n_ratings, n_candidates, n_cold_users } = counts;
        let receipt = ShardReceipt { file, content, n_ratings, n_candidates, n_cold_users, lists };
        if !job.put_receipt(shard, &receipt)? {
            reconcile(&job, shard, results.path())?;
        }
        Ok(())
    }

    /// Returns an error about the ratings of a shard that names their file.
    fn bad_ratings(&self, shard: u32, problem: String) -> Error {
        Error::BadRatings { problem: self.ratings.0.damaged(shard, problem).to_string() }
    }

    /// Fetches the ratings of a shard, as they were when the job was prepared.
    fn fetch_ratings(&self, shard: u32) -> Result<Fetched> {
        let (ratings, account) = &self.ratings;
        ratings.fetch(account, shard, self.work.dir()).map_err(|e| self.ratings_error(shard, e))
    }

    /// Converts an error of reading the ratings of a shard. Damaged ratings are [`Error::BadRatings`], which is not tried
    /// again.
    fn ratings_error(&self, shard: u32, error: store::Error) -> Error {
        match self.ratings.0.of_original(shard, error) {
            damaged @ store::Error::Damaged { .. } => Error::BadRatings { problem: damaged.to_string() },
            other => other.into(),
        }
    }

    /// Opens the job, if it has not ended.
    fn job(&self) -> Result<Job<'_>> {
        Job::open(&self.repository, self.id.clone())
    }
}

/// Checks the results of a shard against the receipt that another process has written at the same moment. If they differ,
/// removes the receipt.
fn reconcile(job: &Job<'_>, shard: u32, results: &Path) -> Result<()> {
    let Some(receipt) = job.receipt(shard)? else { return Ok(()) };
    let checked = receipt.file.check(results);
    if checked.is_err() {
        job.remove_receipt(shard)?;
    }
    Ok(checked?)
}

/// Counts of the ratings and candidates of some users.
#[derive(Debug, Default)]
struct RatingCounts {
    n_ratings: u64,
    n_candidates: u64,
    n_cold_users: u64,
}

impl RatingCounts {
    fn add_user(&mut self, history: &History, candidates: &[MovieId]) {
        let is_candidate = |movie: &&MovieId| candidates.binary_search(movie).is_ok();
        let n_seen = history.movies.iter().filter(is_candidate).count();
        self.n_ratings += history.movies.len() as u64;
        self.n_candidates += (candidates.len() - n_seen) as u64;
        self.n_cold_users += u64::from(n_seen == 0);
    }
}

/// Returns the users of a shard and their histories, in order.
fn histories(reader: &RatingsReader) -> impl Iterator<Item = store::Result<(UserId, History)>> {
    reader.batches().flat_map(|batch| match batch {
        Ok(batch) => (0..batch.users.len()).map(|row| Ok(batch.history(row))).collect(),
        Err(e) => vec![Err(e)],
    })
}

/// Adds the records of a user, as they are stored, to a digest.
fn add_records(
    content: &mut blake3::Hasher,
    user: UserId,
    list: &TopN,
    history: &History,
    factors: &Factors,
) -> Result<()> {
    content.update(&user.get().to_be_bytes());
    for value in [list.encode()?, history.encode()?, factors.encode()?] {
        content.update(&(value.len() as u64).to_le_bytes());
        content.update(&value);
    }
    Ok(())
}
