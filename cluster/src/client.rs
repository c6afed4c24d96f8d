//! The client of the driver: submits jobs, and ends the wait for jobs that are lost.
//!
//! Ballista's own client reports every error as text, opens a connection for each job, and waits without a limit while
//! the connection is open. This client uses the same protocol, with one connection, typed errors and timeouts.

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
use crate::functions::FunctionKind;
use crate::job_monitor::JobMonitor;
use crate::{objects, session, wire};

/// The interval at which the client requests the status of a job without updates.
const STATUS_INTERVAL: Duration = Duration::from_secs(2);

/// The timeouts of a client.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The maximum time of a job, in the queue and computing.
    pub job_timeout: Duration,
    /// The minimum time without the end of any job before all running jobs are taken for lost. Ten times the longest
    /// such time so far is added. Until the first job has ended, only `job_timeout` applies.
    pub silence_timeout: Duration,
    /// The time that a cluster may have no executors before a job fails.
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

/// A shard: its input file, its output file and the reference for the kernels.
#[derive(Debug, Clone)]
pub struct ShardJob {
    /// One Parquet file with a row for each user: `user_id`, `movies`, `ratings`.
    pub input: Url,
    /// The Parquet file to write: the columns of the input, `factors` and `top_n`. The file appears in one step. It is
    /// complete only if the job has succeeded: if a computation fails, DataFusion closes the file after the preceding
    /// rows. An executor that was taken for lost may write the file again, and may fail in doing so.
    pub output: Url,
    /// The model, the shard and all other parameters of the kernels, in a form that only the kernels interpret.
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
    /// Shared by all clones of the client.
    job_monitor: Arc<JobMonitor>,
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
    /// [`Error::Transient`] if the scheduler does not answer. [`Error::Fatal`] if `url` is malformed or its server is
    /// not a scheduler.
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
        let job_monitor = Arc::new(JobMonitor::new(settings.silence_timeout, Instant::now()));
        let session = new_instance_id();
        let client = Self { scheduler, host, port, channel, context, session, settings, job_monitor };
        client.has_executors().await?;
        Ok(client)
    }

    /// Returns whether the cluster has executors.
    ///
    /// # Errors
    ///
    /// [`Error::Transient`] if the scheduler does not answer. [`Error::Fatal`] if the server is not a scheduler.
    pub async fn has_executors(&self) -> Result<bool> {
        let silent = |problem: &dyn fmt::Display| {
            Error::Transient(format!("the scheduler at {} does not answer: {problem}", self.scheduler))
        };
        let request = Request::get(format!("http://{}/readyz", self.scheduler))
            .body(tonic::body::Body::empty())
            .map_err(|error| Error::fatal("request the state of the executors")(&error))?;
        let mut channel = self.channel.clone();
        std::future::poll_fn(|context| channel.poll_ready(context)).await.map_err(|error| silent(&error))?;
        let answer = channel.call(request).await.map_err(|error| silent(&error))?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::SERVICE_UNAVAILABLE => Ok(false),
            other => Err(Error::Fatal(format!("{} is not a scheduler: it answers {other}", self.scheduler))),
        }
    }

    /// Runs the job of a shard: an executor computes its results and writes them.
    ///
    /// # Errors
    ///
    /// See the variants of [`Error`].
    pub async fn run_shard(&self, shard: &ShardJob) -> Result<()> {
        self.run(&self.plan(shard).await?).await.map(|_| ())
    }

    /// Checks a written shard on an executor and returns the text that [`Kernels::check`](crate::Kernels::check) has
    /// returned.
    ///
    /// # Errors
    ///
    /// See the variants of [`Error`].
    pub async fn check(&self, reference: &str) -> Result<String> {
        let call = FunctionKind::CheckShard.function(None).call(vec![lit(reference)]);
        let plan = LogicalPlanBuilder::empty(true)
            .project([call])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| Error::fatal("plan a check")(&error))?;
        let found = self.run(&plan).await?;
        let [found] = <[_; 1]>::try_from(found)
            .map_err(|found| Error::Fatal(format!("a check has {} results, expected 1", found.len())))?;
        self.fetch(found).await
    }

    async fn plan(&self, shard: &ShardJob) -> Result<LogicalPlan> {
        // An empty extension accepts every file name.
        let any_name = ParquetReadOptions { file_extension: "", ..ParquetReadOptions::default() };
        let users = self
            .context
            .read_parquet(shard.input.as_str(), any_name)
            .await
            .map_err(|error| Error::of_job(&format!("cannot read {}: {error}", shard.input)))?;
        let reference = || lit(shard.reference.as_str());
        let factors = FunctionKind::UserFactors
            .function(None)
            .call(vec![reference(), col("movies"), col("ratings")])
            .alias("factors");
        let top_n = FunctionKind::TopN
            .function(None)
            .call(vec![reference(), col("factors"), col("movies")])
            .alias("top_n");
        let build = || {
            let inner = [col("user_id"), col("movies"), col("ratings"), factors];
            let outer = [col("user_id"), col("movies"), col("ratings"), col("factors"), top_n];
            let options = HashMap::from([("single_file_output".to_owned(), "true".to_owned())]);
            // The options are explicit: a factory without options is encoded with all defaults, which override the
            // session's.
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

    /// Runs a plan and returns the locations of its results.
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
            self.job_monitor.ended(begin, Instant::now());
        } else if let Some(job_id) = job {
            // No client waits for the job any longer. The request fails without effect if the job has ended or the
            // scheduler is gone.
            let _ = timeout(STATUS_INTERVAL, self.requests().cancel_job(CancelJobParams { job_id })).await;
        }
        ended
    }

    fn requests(&self) -> SchedulerGrpcClient<Channel> {
        SchedulerGrpcClient::new(self.channel.clone())
            .max_encoding_message_size(wire::MESSAGE)
            .max_decoding_message_size(wire::MESSAGE)
    }

    /// Submits a plan and waits for the end of its job, which the scheduler reports. `job` is the id of the job while
    /// it runs.
    async fn follow(
        &self,
        plan: Vec<u8>,
        begin: Instant,
        job: &mut Option<String>,
    ) -> Result<Vec<PartitionLocation>> {
        let mut request = tonic::Request::new(ExecuteQueryParams {
            query: Some(Query::LogicalPlan(plan)),
            settings: self.context.copied_config().to_key_value_pairs(),
            // The same id for all jobs. A scheduler keeps no sessions; the id identifies the driver in its log.
            session_id: self.session.clone(),
            operation_id: new_instance_id(),
        });
        ballista_core::version::insert_version_header(request.metadata_mut());
        let answer = self.requests().execute_query_push(request).await;
        let mut updates = answer.map_err(|status| Error::of_request("submit a job", &status))?.into_inner();
        let mut no_executors_since = None;
        loop {
            let status = match timeout(STATUS_INTERVAL, updates.message()).await {
                Ok(Ok(Some(update))) => update.status,
                Ok(Ok(None)) => return Err(Error::Transient("the scheduler has stopped".to_owned())),
                Ok(Err(status)) => return Err(Error::of_request("follow a job", &status)),
                Err(_) => {
                    self.check_executors(&mut no_executors_since).await?;
                    self.check_lost(begin)?;
                    match job.clone() {
                        Some(job_id) => self.job_status(job_id).await?,
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

    /// Requests the status of a job. An update can be lost, and a restarted scheduler has no record of earlier jobs.
    async fn job_status(&self, job_id: String) -> Result<Option<JobStatus>> {
        let answer = self.requests().get_job_status(GetJobStatusParams { job_id: job_id.clone() }).await;
        let known =
            answer.map_err(|status| Error::of_request("get a job's status", &status))?.into_inner().status;
        match known {
            Some(status) => Ok(Some(status)),
            None => Err(Error::Transient(format!("the scheduler has no job {job_id}: it was restarted"))),
        }
    }

    /// Returns an error if the cluster has had no executors for `no_executors_timeout`.
    async fn check_executors(&self, since: &mut Option<Instant>) -> Result<()> {
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

    /// Returns an error if the job is lost.
    fn check_lost(&self, begin: Instant) -> Result<()> {
        if self.job_monitor.is_lost(begin, Instant::now()) {
            let problem = "no job has ended for a long time: all running jobs are taken for lost";
            return Err(Error::Transient(problem.to_owned()));
        }
        Ok(())
    }

    /// Fetches the result of a check, one string, through the scheduler.
    async fn fetch(&self, found: PartitionLocation) -> Result<String> {
        let broken = |error: &dyn fmt::Display| Error::transient("fetch the result of a check")(error);
        let layout = found.layout();
        let (Some(executor), Some(partition)) = (found.executor_meta, found.partition_id) else {
            return Err(Error::Fatal("the result of a check has no location".to_owned()));
        };
        let port = u16::try_from(executor.port).map_err(|error| Error::fatal("reach an executor")(&error))?;
        let fetch = async {
            // A single attempt, since the driver repeats a failed check.
            let mut client =
                BallistaClient::try_new(&self.host, self.port, wire::MESSAGE, false, None, 1, 0, 0, 0)
                    .await?;
            let partition = partition.into();
            let (id, host, file) = (&executor.id, &executor.host, found.file_id);
            client.fetch_partition_proxied(id, &partition, file, layout, host, port, true).await
        };
        let stream = timeout(5 * STATUS_INTERVAL, fetch)
            .await
            .map_err(|error| broken(&error))?
            .map_err(|error| broken(&error))?;
        let batches = collect(stream).await.map_err(|error| broken(&error))?;
        let batch = batches.iter().find(|batch| batch.num_rows() == 1 && batch.num_columns() == 1);
        let text = batch.and_then(|batch| batch.column(0).as_string_opt::<i32>());
        match text {
            Some(text) => Ok(text.value(0).to_owned()),
            None => Err(Error::Fatal("the result of a check is not one string".to_owned())),
        }
    }
}

/// Breaks with the result of a job if it has ended.
fn end(status: JobStatus) -> ControlFlow<Result<Vec<PartitionLocation>>> {
    match status.status {
        Some(Job::Successful(done)) => ControlFlow::Break(Ok(done.partition_location)),
        Some(Job::Failed(failed)) => ControlFlow::Break(Err(Error::of_job(&failed.error))),
        Some(Job::Queued(_) | Job::Running(_)) | None => ControlFlow::Continue(()),
    }
}
