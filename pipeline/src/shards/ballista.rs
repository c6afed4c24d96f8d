//! The shards of a job on a Ballista cluster: the driver, which submits them, and the kernels that executors call.
//! The crate [`cluster`] transports the jobs.
//!
//! A shard is two jobs of the cluster. The first reads the ratings, solves the factors of the users, scores their lists
//! and writes the results. The second reads the results back and writes the receipt. Neither sends data through the
//! driver.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cluster::{
    Client, ClientSettings, Factors, KernelError, Kernels, Lists, Rows, Seen, ShardJob, Table, TableView,
};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use store::repository::RatingShards;
use store::{GenerationId, Location};
use tokio::task::JoinSet;

use super::model::UserLists;
use super::{Engine, Job, Task};
use crate::error::{Error, Result};

/// The maximum time of a shard, including its wait in the queue, before it is submitted again. A lost shard is mostly
/// detected earlier, when no other shard ends: see [`ClientSettings::silence_timeout`].
const SHARD_TIMEOUT: Duration = Duration::from_secs(3600);
/// The maximum number of times that a shard is submitted, after transient errors.
const ATTEMPTS: u32 = 20;
/// The first pause before a shard is submitted again. Each of the next four pauses is longer by the same time.
const PAUSE: Duration = Duration::from_secs(1);

/// The engine that computes shards on a Ballista cluster.
#[derive(Debug)]
pub struct Ballista {
    /// `ballista://HOST:PORT`.
    pub url: String,
    /// The repository of the job. Executors open it at the same location.
    pub location: Location,
    /// The number of shards that are in the cluster at once. With fewer than the executors have slots, some slots are idle.
    /// If the driver is killed, executors still compute these shards, but the results are unused.
    pub in_flight: usize,
}

/// The job and the shard of a task, sent to executors as the reference of a [`ShardJob`].
#[derive(Debug, Serialize, Deserialize)]
struct Reference {
    location: Location,
    generation: GenerationId,
    shard: u32,
}

impl Engine for Ballista {
    fn compute(&self, job: &Job<'_>, shards: &[u32], bar: &ProgressBar) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(store::Error::io("start a client for", &self.url))?;
        let (ratings, _) = job.ratings()?;
        let shard_jobs = shards.iter().map(|&shard| self.shard_job(job, &ratings, shard));
        let shard_jobs = shard_jobs.collect::<Result<VecDeque<_>>>()?;
        let failed = runtime.block_on(run(&self.url, self.in_flight, shard_jobs, bar));
        runtime.shutdown_background();
        match failed {
            Ok(()) => Ok(()),
            Err(problem) => {
                let (n, n_shards) = (job.missing()?.len(), job.plan().n_shards);
                Err(Error::Shards { n, n_shards, problem })
            }
        }
    }
}

impl Ballista {
    fn shard_job(&self, job: &Job<'_>, ratings: &RatingShards, shard: u32) -> Result<ShardJob> {
        let url = |text: String| {
            text.parse()
                .map_err(|e| Error::Internal { what: "the URL of a shard", detail: format!("{text}: {e}") })
        };
        let location = self.location.absolute()?;
        let reference = Reference { location, generation: job.id().clone(), shard };
        Ok(ShardJob {
            input: url(ratings.url(shard)?)?,
            output: url(job.files().results_url(shard)?)?,
            reference: serde_json::to_string(&reference)
                .map_err(|e| Error::Internal { what: "the job of a shard", detail: e.to_string() })?,
        })
    }
}

/// Submits jobs, `in_flight` at once, and repeats those with transient errors. Returns the first permanent error.
/// Executors then still compute the jobs in flight, and their results are unused: the scheduler names a job only once it
/// runs, and a running job cannot be stopped.
async fn run(
    url: &str,
    in_flight: usize,
    mut shard_jobs: VecDeque<ShardJob>,
    bar: &ProgressBar,
) -> Result<(), String> {
    let client = connect(url).await?;
    let mut running = JoinSet::new();
    loop {
        while running.len() < in_flight
            && let Some(shard_job) = shard_jobs.pop_front()
        {
            running.spawn(run_and_check(client.clone(), shard_job));
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok(Ok(()))) => bar.inc(1),
            Some(Ok(Err(problem))) => return Err(problem),
            Some(Err(gone)) => return Err(format!("the job of a shard was lost: {gone}")),
        }
    }
}

async fn connect(url: &str) -> Result<Client, String> {
    let settings = ClientSettings { job_timeout: SHARD_TIMEOUT, ..ClientSettings::default() };
    retry(|| Client::connect(url, settings.clone())).await
}

/// Runs the two jobs of a shard: computation and check.
async fn run_and_check(client: Client, shard_job: ShardJob) -> Result<(), String> {
    retry(|| async {
        client.run_shard(&shard_job).await?;
        client.check(&shard_job.reference).await.map(|_| ())
    })
    .await
}

/// Calls `act` until it succeeds or fails permanently, at most [`ATTEMPTS`] times.
async fn retry<T, F>(mut act: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = cluster::Result<T>>,
{
    let mut attempt = 1;
    loop {
        match act().await {
            Ok(done) => return Ok(done),
            Err(cluster::Error::Transient(problem)) if attempt < ATTEMPTS => {
                pause(&mut attempt, &problem).await;
            }
            Err(other) => return Err(other.to_string()),
        }
    }
}

async fn pause(attempt: &mut u32, problem: &str) {
    tracing::warn!(attempt, "submitting again: {problem}");
    tokio::time::sleep(PAUSE * (*attempt).min(5)).await;
    *attempt += 1;
}

/// The kernels of an executor: the computations of a run on one machine, with the model of the requested job.
#[derive(Debug)]
pub struct TaskKernels {
    work: PathBuf,
    /// The task of the last job. Requests wait while it is opened, so that a process loads a model once.
    open: Mutex<Option<(Location, Arc<Task>)>>,
}

impl TaskKernels {
    /// Returns kernels that keep copies of models below the directory `work`.
    #[must_use]
    pub fn new(work: PathBuf) -> Self {
        Self { work, open: Mutex::new(None) }
    }

    fn task(&self, reference: &str) -> Result<(u32, Arc<Task>), KernelError> {
        let Reference { location, generation, shard } = serde_json::from_str(reference)
            .map_err(|e| KernelError::Fatal(format!("the reference `{reference}` cannot be read: {e}")))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, task)) = &*open
            && *at == location
            && *task.id() == generation
        {
            return Ok((shard, Arc::clone(task)));
        }
        // The model of the earlier job is dropped first, so that memory holds one model.
        *open = None;
        let task =
            on_own_thread(|| Task::open(&location, Some(generation), &self.work)).map_err(kernel_error)?;
        let task = Arc::new(task);
        *open = Some((location, Arc::clone(&task)));
        Ok((shard, task))
    }
}

impl Kernels for TaskKernels {
    fn user_factors(&self, reference: &str, users: Rows<'_>) -> Result<Factors, KernelError> {
        let (shard, task) = self.task(reference)?;
        tracing::info!(shard, n_users = users.indptr.len() - 1, process = std::process::id(), "computing");
        let (ranking, rating) =
            task.fold_in(shard, users.indptr, users.movies, users.ratings).map_err(kernel_error)?;
        let table = |lists: store::shards::Lists<f32>| Table { indptr: lists.indptr, values: lists.values };
        Ok(Factors { ranking: table(ranking), rating: table(rating) })
    }

    fn top_n(
        &self,
        reference: &str,
        ranking: TableView<'_>,
        rating: TableView<'_>,
        seen: Seen<'_>,
    ) -> Result<Lists, KernelError> {
        let (_, task) = self.task(reference)?;
        let best = task.model().top_n(ranking.values, rating.values, seen.indptr, seen.movies);
        let UserLists { movies, scores, stars } = best.map_err(kernel_error)?;
        Ok(Lists { indptr: movies.indptr, movies: movies.values, scores, ratings: stars })
    }

    fn check(&self, reference: &str) -> Result<String, KernelError> {
        let (shard, task) = self.task(reference)?;
        on_own_thread(|| task.check(shard)).map_err(kernel_error)?;
        Ok(shard.to_string())
    }
}

/// Runs `work` on a new thread, since calls to a store block, and futures must not block.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let lost = || Error::Internal { what: "an executor", detail: "its thread has ended early".to_owned() };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|_| Err(lost())))
}

/// Converts an error. Errors of the system and the store are transient. A damaged file is transient too, since its
/// shard is computed again.
fn kernel_error(error: Error) -> KernelError {
    use store::Error::{Damaged, Io, NotPartitioned, Remote};

    match error {
        Error::Store(Io { .. } | Remote { .. } | Damaged { .. } | NotPartitioned { .. }) => {
            KernelError::Transient(error.to_string())
        }
        other => KernelError::Fatal(other.to_string()),
    }
}
