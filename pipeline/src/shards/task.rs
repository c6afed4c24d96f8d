//! One shard: its ratings in, its results out, and what they are when they are read back.

use std::path::Path;

use reading::Order;
use store::manifest::FileDigest;
use store::records::{Factors, History, Record, TopN};
use store::repository::{Fetched, RatingShards, RatingsAccount};
use store::shards::{Lists, RatingsBatch, RatingsReader, ResultsBatch, ResultsReader, ResultsWriter};
use store::working_copy::WorkingCopy;
use store::{DenyList, GenerationId, Location, MovieId, Repository, UserId};

use super::job::PATIENCE;
use super::model::Best;
use super::{Job, Plan, ShardAccount, ShardModel};
use crate::error::{Error, Result};
use crate::gate::{Judge, Part};
use crate::run::program_digest;

/// Whoever computes shards of a job: its model, loaded once, and room to work in.
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
    /// Loads what all shards of a job need; without a name, of the newest. Copies live below `work`.
    ///
    /// # Errors
    /// [`Error::NotPrepared`], [`Error::OtherProgram`]; those of the store.
    pub fn open(location: &Location, id: Option<GenerationId>, work: &Path) -> Result<Self> {
        let repository = Repository::open(location, PATIENCE)?;
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

    /// The job that it is of.
    #[must_use]
    pub fn id(&self) -> &GenerationId {
        &self.id
    }

    /// What all its shards are computed with.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The kernels.
    #[must_use]
    pub fn model(&self) -> &ShardModel {
        &self.model
    }

    /// Computes a shard, unless that is done, and says so. Done twice, at once or one after the other, it comes to the
    /// same.
    ///
    /// # Errors
    /// [`Error::Setting`] for a shard that there is not; [`Error::BadRatings`]; [`Error::NotPrepared`] where the job has
    /// ended; those of the store.
    pub fn run(&self, shard: u32) -> Result<()> {
        let n_shards = self.plan.n_shards;
        if shard >= n_shards {
            return Err(Error::setting(
                "--index",
                shard,
                format!("the job has shards 0 to {}", n_shards - 1),
            ));
        }
        if self.job()?.account(shard)?.is_some() {
            tracing::info!(shard, "is done already");
            return Ok(());
        }
        tracing::info!(shard, generation = %self.id, "computing");
        self.compute(shard)?;
        self.check(shard)
    }

    /// Forms and scores the users of a shard, and leaves the file of results to be looked at.
    fn compute(&self, shard: u32) -> Result<()> {
        let given = self.given(shard)?;
        let of_ratings = |e| self.of_ratings(shard, e);
        let ratings = RatingsReader::open(given.path()).map_err(of_ratings)?;
        let path = self.work.dir().join(format!("users-{shard:05}.parquet"));
        let mut writer = ResultsWriter::create(&path)?;
        for batch in ratings.batches() {
            writer.put(&self.results(shard, batch.map_err(of_ratings)?)?)?;
        }
        writer.finish()?;
        self.repository.job(self.id.clone()).send_results(&path, shard)?;
        std::fs::remove_file(&path).map_err(Error::io("remove", &path))
    }

    /// The factors of users of a shard, see [`ShardModel::form`].
    ///
    /// # Errors
    /// Those of [`ShardModel::form`].
    pub fn form(
        &self,
        shard: u32,
        indptr: &[usize],
        movies: &[u32],
        stars: &[f32],
    ) -> Result<(Lists<f32>, Lists<f32>)> {
        let are_trained = self.plan.n_trained.is_none_or(|n| shard < n);
        self.model.form(indptr, movies, stars, are_trained).map_err(|e| match e {
            Error::BadRatings { problem } => self.bad_ratings(shard, problem),
            other => other,
        })
    }

    fn results(&self, shard: u32, history: RatingsBatch) -> Result<ResultsBatch> {
        let (indptr, movies) = (&history.movies.indptr, &history.movies.values);
        let (ranking, rating) = self.form(shard, indptr, movies, &history.stars)?;
        let Best { movies, scores, stars } =
            self.model.top_n(&ranking.values, &rating.values, indptr, movies)?;
        Ok(ResultsBatch { history, ranking, rating, movies, scores, stars })
    }

    /// Puts the results of a shard into the generation, reads them back, as whoever wrote them has left them, and says what
    /// they are. A shard that has an account stays as it is.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] where the job has ended: nothing of its generation is touched any more.
    /// [`store::Error::Damaged`] for what is no shard's results; what is wrong with lists is said in the account.
    pub fn check(&self, shard: u32) -> Result<()> {
        let job = self.job()?;
        if job.account(shard)?.is_some() {
            return Ok(());
        }
        job.files().take_results(shard)?;
        let results = job.files().fetch_users(shard, self.work.dir())?;
        let file = FileDigest::of(results.path())?;
        let candidates = self.model.candidates();
        let damaged = |detail: String| store::Error::Damaged { path: results.path().to_path_buf(), detail };
        // What the deny list names is not in the ratings, hence not in what is compared with them, nor among candidates.
        let judge = Judge { candidates, depth: self.plan.depth, scale: self.plan.scale, deny: None };
        let (mut lists, mut seen) = (Part::default(), Seen::default());
        let mut content = blake3::Hasher::new();
        let no_list = DenyList::default();
        let mut order = Order::new(shard, self.plan.n_shards, &no_list);
        let given = self.given(shard)?;
        let of_ratings = |e| self.of_ratings(shard, e);
        let given = RatingsReader::open(given.path()).map_err(of_ratings)?;
        let mut given = histories(&given);
        for batch in ResultsReader::open(results.path())?.batches() {
            let batch = batch?;
            for row in 0..batch.len() {
                let (user, list, history, factors) = batch.records(row);
                if given.next().transpose().map_err(of_ratings)?.as_ref() != Some(&(user, history.clone())) {
                    let detail = format!("what user {user} has rated is not what the shard was given");
                    return Err(damaged(detail).into());
                }
                order
                    .next(user, batch.history.row(row).0)
                    .map_err(|problem| self.bad_ratings(shard, problem))?;
                if self.plan.denied.deny(&self.id, user, &history.movies) {
                    // The message names no id: it must not outlive the deletion.
                    let problem = "a user or a movie is on the deny list; cut the ratings again with `pipeline partition \
                                   --deny-list`";
                    return Err(self.bad_ratings(shard, problem.to_owned()));
                }
                digest(&mut content, user, &list, &history, &factors)?;
                lists.take(user, Some(&list), Some(&history), &judge);
                seen.take(&history, candidates);
            }
        }
        if given.next().is_some() {
            return Err(damaged("users of the shard are missing".to_owned()).into());
        }
        let content = content.finalize().to_hex().to_string();
        let Seen { n_ratings, n_candidates, n_strangers } = seen;
        let account = ShardAccount { file, content, n_ratings, n_candidates, n_strangers, lists };
        if !job.put_account(shard, &account)? {
            self.settle(&job, shard, results.path())?;
        }
        Ok(())
    }

    /// Where somebody else has said what a shard has come to, in the same moment: what lies there must be that.
    fn settle(&self, job: &Job<'_>, shard: u32, results: &Path) -> Result<()> {
        let Some(account) = job.account(shard)? else { return Ok(()) };
        let checked = account.file.check(results);
        if checked.is_err() {
            job.remove_account(shard)?;
        }
        Ok(checked?)
    }

    /// An error about the ratings of a shard, which names their file.
    fn bad_ratings(&self, shard: u32, problem: String) -> Error {
        Error::BadRatings { problem: self.ratings.0.damaged(shard, problem).to_string() }
    }

    /// The ratings of a shard, as they were when the job was prepared.
    fn given(&self, shard: u32) -> Result<Fetched> {
        let (ratings, account) = &self.ratings;
        ratings.fetch(account, shard, self.work.dir()).map_err(|e| self.of_ratings(shard, e))
    }

    /// An error about reading the ratings of a shard. What is wrong with them stays so, whoever computes it again.
    fn of_ratings(&self, shard: u32, error: store::Error) -> Error {
        match self.ratings.0.of_original(shard, error) {
            damaged @ store::Error::Damaged { .. } => Error::BadRatings { problem: damaged.to_string() },
            other => other.into(),
        }
    }

    /// The job, if it has not ended.
    fn job(&self) -> Result<Job<'_>> {
        Job::open(&self.repository, self.id.clone())
    }
}

/// How much users have rated, and not.
#[derive(Debug, Default)]
struct Seen {
    n_ratings: u64,
    n_candidates: u64,
    n_strangers: u64,
}

impl Seen {
    fn take(&mut self, history: &History, candidates: &[MovieId]) {
        let is_candidate = |movie: &&MovieId| candidates.binary_search(movie).is_ok();
        let n_seen = history.movies.iter().filter(is_candidate).count();
        self.n_ratings += history.movies.len() as u64;
        self.n_candidates += (candidates.len() - n_seen) as u64;
        self.n_strangers += u64::from(n_seen == 0);
    }
}

/// The users of a shard and what they have rated.
fn histories(reader: &RatingsReader) -> impl Iterator<Item = store::Result<(UserId, History)>> {
    reader.batches().flat_map(|batch| match batch {
        Ok(batch) => (0..batch.users.len()).map(|row| Ok(batch.history(row))).collect(),
        Err(e) => vec![Err(e)],
    })
}

/// Takes in the records of a user as a reader will have them.
fn digest(
    content: &mut blake3::Hasher,
    user: UserId,
    list: &TopN,
    history: &History,
    factors: &Factors,
) -> Result<()> {
    content.update(&user.0.to_be_bytes());
    for value in [list.encode()?, history.encode()?, factors.encode()?] {
        content.update(&(value.len() as u64).to_le_bytes());
        content.update(&value);
    }
    Ok(())
}
