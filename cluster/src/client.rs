//! The driver's side: submits jobs, and sees to it that none is waited for in vain.
//!
//! Ballista's own client makes a text of all that goes wrong, connects anew for each job, and waits for as long as a
//! connection stands. This one talks to the scheduler in the same words.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::client::BallistaClient;
use ballista_core::extension::SessionConfigHelperExt;
use ballista_core::ids::new_instance_id;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status as Job;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, GetJobStatusParams, JobStatus, PartitionLocation,
};
use datafusion::arrow::array::AsArray;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion::physical_plan::common::collect;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use tokio::time::timeout;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, StatusCode};
use tonic::transport::Channel;
use url::Url;

use crate::error::{Error, Result};
use crate::functions::Which;
use crate::pace::Pace;
use crate::{objects, session, wire};

/// How often a job that is silent is asked after.
const LOOK: Duration = Duration::from_secs(2);

/// How long a client waits.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// How long a job may take at most, in the queue and computing.
    pub job_timeout: Duration,
    /// How long nothing may come of any job before all that are under way are taken for lost, beside ten times the longest
    /// silence so far. Before the first has ended, only `job_timeout` counts.
    pub silence_timeout: Duration,
    /// How long a cluster may have no executors before a job is given up.
    pub no_executors_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            job_timeout: Duration::from_secs(15 * 60),
            silence_timeout: Duration::from_secs(60),
            no_executors_timeout: Duration::from_secs(30),
        }
    }
}

/// A shard: which file is computed into which, and what the kernels are told.
#[derive(Debug, Clone)]
pub struct ShardJob {
    /// One Parquet file with a row for each user: `user_id`, `movies`, `ratings`.
    pub input: Url,
    /// Where a file of that and of `factors` and `top_n` shall be. It appears there at once and not bit by bit, but only
    /// of a job that has succeeded is it whole: where a computation fails, DataFusion ends the file with the rows that
    /// came before. An executor that was taken for lost may write it once more, and may fail at that.
    pub output: Url,
    /// Which model, which shard, and whatever else the kernels need to know.
    pub reference: String,
}

/// A connection to a scheduler, for any number of jobs at once.
#[derive(Clone)]
pub struct Client {
    scheduler: String,
    host: String,
    port: u16,
    channel: Channel,
    context: SessionContext,
    session: String,
    settings: ClientSettings,
    /// Of all its clones.
    pace: Arc<Pace>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the scheduler at `ballista://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// Transient if nobody answers there.
    pub async fn connect(url: &str, settings: ClientSettings) -> Result<Self> {
        let address = Url::parse(url).ok().filter(|url| url.scheme() == "ballista");
        let parts = address.as_ref().and_then(|url| Some((url.host_str()?.to_owned(), url.port()?)));
        let Some((host, port)) = parts else {
            return Err(Error::Fatal(format!("`{url}` is not ballista://HOST:PORT")));
        };
        let scheduler = format!("{host}:{port}");
        let channel = wire::endpoint(&scheduler)?.connect_lazy();
        let runtime = objects::runtime().map_err(|error| Error::fatal("start a client")(&error))?;
        let context = SessionContext::new_with_state(session::state(session::config(), runtime));
        let pace = Arc::new(Pace::new(settings.silence_timeout, Instant::now()));
        let session = new_instance_id();
        let client = Self { scheduler, host, port, channel, context, session, settings, pace };
        client.has_executors().await?;
        Ok(client)
    }

    /// Whether anybody is there to do the work.
    ///
    /// # Errors
    ///
    /// Transient if the scheduler does not answer.
    pub async fn has_executors(&self) -> Result<bool> {
        let silent = |problem: &dyn fmt::Display| {
            Error::Transient(format!("the scheduler at {} does not answer: {problem}", self.scheduler))
        };
        let request = Request::get(format!("http://{}/readyz", self.scheduler))
            .body(tonic::body::Body::empty())
            .map_err(|error| Error::fatal("ask for executors")(&error))?;
        let mut channel = self.channel.clone();
        std::future::poll_fn(|context| channel.poll_ready(context)).await.map_err(|error| silent(&error))?;
        let answer = channel.call(request).await.map_err(|error| silent(&error))?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::SERVICE_UNAVAILABLE => Ok(false),
            other => Err(Error::Fatal(format!("{} is no scheduler: it answers {other}", self.scheduler))),
        }
    }

    /// Has a shard computed and written.
    ///
    /// # Errors
    ///
    /// By what shall be done about it.
    pub async fn run_shard(&self, shard: &ShardJob) -> Result<()> {
        self.run(&self.plan(shard).await?).await.map(|_| ())
    }

    /// Has a shard that is written looked at, on an executor, and hands back what was found.
    ///
    /// # Errors
    ///
    /// By what shall be done about it.
    pub async fn check(&self, reference: &str) -> Result<String> {
        let call = Which::CheckShard.function(None).call(vec![lit(reference)]);
        let plan = LogicalPlanBuilder::empty(true)
            .project([call])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| Error::fatal("plan a check")(&error))?;
        let found = self.run(&plan).await?;
        let [found] = <[_; 1]>::try_from(found)
            .map_err(|found| Error::Fatal(format!("a check has {} results", found.len())))?;
        self.fetch(found).await
    }

    async fn plan(&self, shard: &ShardJob) -> Result<LogicalPlan> {
        // Whatever the file is called.
        let any_name = ParquetReadOptions { file_extension: "", ..ParquetReadOptions::default() };
        let users = self
            .context
            .read_parquet(shard.input.as_str(), any_name)
            .await
            .map_err(|error| Error::of_job(&format!("cannot read {}: {error}", shard.input)))?;
        let reference = || lit(shard.reference.as_str());
        let factors = Which::UserFactors
            .function(None)
            .call(vec![reference(), col("movies"), col("ratings")])
            .alias("factors");
        let top_n =
            Which::TopN.function(None).call(vec![reference(), col("factors"), col("movies")]).alias("top_n");
        let build = || {
            let inner = [col("user_id"), col("movies"), col("ratings"), factors];
            let outer = [col("user_id"), col("movies"), col("ratings"), col("factors"), top_n];
            let options = HashMap::from([("single_file_output".to_owned(), "true".to_owned())]);
            // Said outright: a factory without options is sent as one with all defaults, which win over the session's.
            let global = self.context.copied_config().options().execution.parquet.clone();
            let parquet = TableParquetOptions { global, ..TableParquetOptions::default() };
            let format = format_as_file_type(Arc::new(ParquetFormatFactory::new_with_options(parquet)));
            let plan =
                LogicalPlanBuilder::from(users.into_unoptimized_plan()).project(inner)?.project(outer)?;
            let output = shard.output.to_string();
            LogicalPlanBuilder::copy_to(plan.build()?, output, format, options, vec![])?.build()
        };
        build().map_err(|error| Error::fatal("plan a shard")(&error))
    }

    /// Runs a plan and hands back where its results lie.
    async fn run(&self, plan: &LogicalPlan) -> Result<Vec<PartitionLocation>> {
        let mut encoded = Vec::new();
        LogicalPlanNode::try_from_logical_plan(plan, &BallistaLogicalExtensionCodec::default())
            .and_then(|plan| plan.try_encode(&mut encoded))
            .map_err(|error| Error::fatal("encode a plan")(&error))?;
        let (mut job, begin) = (None, Instant::now());
        let ended = timeout(self.settings.job_timeout, self.follow(encoded, begin, &mut job)).await;
        let ended = ended.unwrap_or_else(|_| {
            Err(Error::Transient(format!("a job has not ended within {:?}", self.settings.job_timeout)))
        });
        if ended.is_ok() {
            self.pace.ended(begin, Instant::now());
        } else if let Some(job_id) = job {
            // Nobody waits for it. Where it has ended, or its scheduler is gone, that changes nothing.
            let _ = timeout(LOOK, self.requests().cancel_job(CancelJobParams { job_id })).await;
        }
        ended
    }

    fn requests(&self) -> SchedulerGrpcClient<Channel> {
        SchedulerGrpcClient::new(self.channel.clone())
            .max_encoding_message_size(wire::MESSAGE)
            .max_decoding_message_size(wire::MESSAGE)
    }

    /// Submits a plan and waits for its end, which the scheduler tells by itself. `job` is its name while it runs.
    async fn follow(
        &self,
        plan: Vec<u8>,
        begin: Instant,
        job: &mut Option<String>,
    ) -> Result<Vec<PartitionLocation>> {
        let mut request = tonic::Request::new(ExecuteQueryParams {
            query: Some(Query::LogicalPlan(plan)),
            settings: self.context.copied_config().to_key_value_pairs(),
            // Always the same. A scheduler keeps no sessions, and this tells the jobs of a driver in its log.
            session_id: self.session.clone(),
            operation_id: new_instance_id(),
        });
        ballista_core::version::insert_version_header(request.metadata_mut());
        let answer = self.requests().execute_query_push(request).await;
        let mut news = answer.map_err(|status| Error::of_request("submit a job", &status))?.into_inner();
        let mut alone_since = None;
        loop {
            let status = match timeout(LOOK, news.message()).await {
                Ok(Ok(Some(news))) => news.status,
                Ok(Ok(None)) => return Err(Error::Transient("the scheduler has ended".to_owned())),
                Ok(Err(status)) => return Err(Error::of_request("follow a job", &status)),
                Err(_) => {
                    self.give_up_alone(&mut alone_since).await?;
                    self.give_up_lost(begin)?;
                    match job.clone() {
                        Some(job_id) => self.ask(job_id).await?,
                        None => continue,
                    }
                }
            };
            let Some(status) = status else { continue };
            *job = Some(status.job_id.clone());
            if let ControlFlow::Break(ended) = end(status) {
                *job = None;
                return ended;
            }
        }
    }

    /// What the scheduler knows of a job. News can be lost, and a scheduler that was started anew knows nothing.
    async fn ask(&self, job_id: String) -> Result<Option<JobStatus>> {
        let answer = self.requests().get_job_status(GetJobStatusParams { job_id: job_id.clone() }).await;
        let known =
            answer.map_err(|status| Error::of_request("ask after a job", &status))?.into_inner().status;
        match known {
            Some(status) => Ok(Some(status)),
            None => {
                Err(Error::Transient(format!("the scheduler knows no job {job_id}: it was started anew")))
            }
        }
    }

    /// Ends the wait for a cluster that has had no executors for long.
    async fn give_up_alone(&self, since: &mut Option<Instant>) -> Result<()> {
        if self.has_executors().await? {
            *since = None;
            return Ok(());
        }
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        if waited < self.settings.no_executors_timeout {
            return Ok(());
        }
        Err(Error::NoExecutors { scheduler: self.scheduler.clone(), seconds: waited.as_secs() })
    }

    /// Ends the wait for a job that nobody computes, as far as can be told.
    fn give_up_lost(&self, begin: Instant) -> Result<()> {
        if self.pace.is_lost(begin, Instant::now()) {
            let problem = "nothing has come of any job for long: those that are under way are taken for lost";
            return Err(Error::Transient(problem.to_owned()));
        }
        Ok(())
    }

    /// Reads the one text that a check results in, through the scheduler.
    async fn fetch(&self, found: PartitionLocation) -> Result<String> {
        let broken = |error: &dyn fmt::Display| Error::transient("fetch what a check has found")(error);
        let layout = found.layout();
        let (Some(executor), Some(partition)) = (found.executor_meta, found.partition_id) else {
            return Err(Error::Fatal("what a check has found is nowhere".to_owned()));
        };
        let port = u16::try_from(executor.port).map_err(|error| Error::fatal("reach an executor")(&error))?;
        let fetch = async {
            // One attempt: the driver asks for another check if it must.
            let mut client =
                BallistaClient::try_new(&self.host, self.port, wire::MESSAGE, false, None, 1, 0, 0, 0)
                    .await?;
            let partition = partition.into();
            let (id, host, file) = (&executor.id, &executor.host, found.file_id);
            client.fetch_partition_proxied(id, &partition, file, layout, host, port, true).await
        };
        let stream = timeout(5 * LOOK, fetch)
            .await
            .map_err(|error| broken(&error))?
            .map_err(|error| broken(&error))?;
        let batches = collect(stream).await.map_err(|error| broken(&error))?;
        let batch = batches.iter().find(|batch| batch.num_rows() == 1 && batch.num_columns() == 1);
        let text = batch.and_then(|batch| batch.column(0).as_string_opt::<i32>());
        match text {
            Some(text) => Ok(text.value(0).to_owned()),
            None => Err(Error::Fatal("what a check has found is no text".to_owned())),
        }
    }
}

/// Whether and how a job has ended.
fn end(status: JobStatus) -> ControlFlow<Result<Vec<PartitionLocation>>> {
    match status.status {
        Some(Job::Successful(done)) => ControlFlow::Break(Ok(done.partition_location)),
        Some(Job::Failed(failed)) => ControlFlow::Break(Err(Error::of_job(&failed.error))),
        Some(Job::Queued(_) | Job::Running(_)) | None => ControlFlow::Continue(()),
    }
}
