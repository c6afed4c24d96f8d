//! The scheduler: takes jobs from clients and hands their tasks to executors that ask for some.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::cluster::memory::{InMemoryClusterState, InMemoryJobState};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use crate::error::{Error, Result};
use crate::{session, wire};

/// A busy executor is heard of every 5 s (`HEARTBEAT_POLL_INTERVAL` in Ballista's `execution_loop.rs`), so who hears
/// nothing for less takes the living for dead.
const LEAST_TIMEOUT: Duration = Duration::from_secs(7);
/// How long finished jobs are remembered. Their clients were told at once; this is for those whose connection broke.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(60);

/// How a scheduler runs.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Where it listens. Whoever can connect can run jobs.
    pub bind: SocketAddr,
    /// How long an executor may be silent before its tasks go to others; at least 7 s.
    pub executor_timeout: Duration,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 50050)), executor_timeout: Duration::from_secs(20) }
    }
}

/// A scheduler that listens.
#[derive(Debug)]
pub struct Scheduler {
    listener: TcpListener,
    settings: SchedulerSettings,
}

impl Scheduler {
    /// Listens, so that the address is known before anything is served.
    ///
    /// # Errors
    ///
    /// If that address cannot be had.
    pub async fn bind(settings: SchedulerSettings) -> Result<Self> {
        let listener = wire::listen(settings.bind)?;
        Ok(Self { listener, settings })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::fatal("ask for an address")(&error))
    }

    /// Serves until `shutdown` is over. Jobs that run then are gone: nothing of them is on a disk, and their clients
    /// notice.
    ///
    /// # Errors
    ///
    /// If it cannot go on.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let address = self.address()?;
        let config = Arc::new(config(&self.settings, address)?);
        let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster()?, config)
            .await
            .map_err(|error| Error::fatal("start a scheduler")(&error))?;
        tracing::info!("the scheduler listens at {address}");
        tokio::select! {
            ended = start_grpc_service_with_listener(self.listener, scheduler) => {
                ended.map_err(|error| Error::fatal("serve")(&error))
            }
            () = shutdown => Ok(()),
        }
    }
}

fn config(settings: &SchedulerSettings, address: SocketAddr) -> Result<SchedulerConfig> {
    let timeout = settings.executor_timeout.max(LEAST_TIMEOUT).as_secs();
    Ok(SchedulerConfig {
        // Of use where tasks are pushed: where executors report back.
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        // Executors ask for tasks (the default): each request is a sign of life and a registration, so one that has
        // lost its scheduler only has to go on asking. Where tasks are pushed an executor ends itself after the fifth
        // heartbeat without an answer (`executor_server.rs`), and needs a port that the scheduler can reach.
        scheduling_policy: ballista_core::config::TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: timeout,
        expire_dead_executor_interval_seconds: 1,
        // Once the last executor is lost its jobs fail, instead of waiting for ever.
        no_executors_grace_period_seconds: timeout,
        // Each finished job holds its plan here and a tiny file at its executor: bounded by time, not by number.
        finished_job_state_clean_up_interval_seconds: FINISHED_JOBS_KEPT.as_secs(),
        finished_job_data_clean_up_interval_seconds: FINISHED_JOBS_KEPT.as_secs(),
        // A client needs to reach the scheduler only; it fetches what `check_shard` says.
        enable_embedded_flight_proxy: true,
        override_session_builder: Some(session::builder().map_err(|error| Error::fatal("plan")(&error))?),
        override_config_producer: Some(Arc::new(session::config)),
        ..SchedulerConfig::default()
    })
}

/// Made of its parts, for [`BallistaCluster::new_memory`] adds a cache of files' statistics that all sessions share and
/// that does not notice each change of a file.
fn cluster() -> Result<BallistaCluster> {
    let builder = session::builder().map_err(|error| Error::fatal("plan")(&error))?;
    let jobs = InMemoryJobState::new("scheduler", builder, Arc::new(session::config));
    Ok(BallistaCluster::new(Arc::new(InMemoryClusterState::default()), Arc::new(jobs)))
}
