//! The scheduler: accepts jobs from clients and assigns their tasks to executors that request tasks.

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

/// The minimum of `executor_timeout`. A busy executor sends a heartbeat every 5 s (`HEARTBEAT_POLL_INTERVAL` in
/// Ballista's `execution_loop.rs`). A shorter timeout would drop executors that are alive.
const LEAST_TIMEOUT: Duration = Duration::from_secs(7);
/// The time for which finished jobs are kept. Clients are notified at once; only clients with a broken connection need
/// the record.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(60);

/// The settings of a scheduler.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// The address to listen at. Every program that can connect can run jobs.
    pub bind: SocketAddr,
    /// The time without a request of an executor after which its tasks are assigned to others; at least 7 s.
    pub executor_timeout: Duration,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 50050)), executor_timeout: Duration::from_secs(20) }
    }
}

/// A scheduler with a bound address.
#[derive(Debug)]
pub struct Scheduler {
    listener: TcpListener,
    settings: SchedulerSettings,
}

impl Scheduler {
    /// Binds the address, so that it is known before requests are served.
    ///
    /// # Errors
    ///
    /// [`Error::Fatal`] if the address cannot be bound.
    pub async fn bind(settings: SchedulerSettings) -> Result<Self> {
        let listener = wire::listen(settings.bind)?;
        Ok(Self { listener, settings })
    }

    /// Returns the bound address.
    ///
    /// # Errors
    ///
    /// [`Error::Fatal`] if the operating system does not return the address.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::fatal("get the address of a listener")(&error))
    }

    /// Serves until `shutdown` completes. Running jobs are then lost, since jobs are kept in memory only. Their clients
    /// receive an error.
    ///
    /// # Errors
    ///
    /// [`Error::Fatal`] if the scheduler cannot start or its server fails.
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
        // The address to which executors report pushed tasks; unused with `PullStaged`.
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        // Executors request tasks (the default). Each request is a heartbeat and a registration, so an executor whose
        // scheduler restarts only continues to send requests. With pushed tasks, an executor exits after the fifth
        // unanswered heartbeat (`executor_server.rs`) and needs a port that the scheduler can reach.
        scheduling_policy: ballista_core::config::TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: timeout,
        expire_dead_executor_interval_seconds: 1,
        // Jobs fail after the loss of the last executor, instead of waiting without a limit.
        no_executors_grace_period_seconds: timeout,
        // Each finished job keeps its plan in memory and a small file at its executor. Time limits them, not their
        // number.
        finished_job_state_clean_up_interval_seconds: FINISHED_JOBS_KEPT.as_secs(),
        finished_job_data_clean_up_interval_seconds: FINISHED_JOBS_KEPT.as_secs(),
        // The scheduler fetches results of `check_shard` for clients, so that a client connects to the scheduler only.
        enable_embedded_flight_proxy: true,
        override_session_builder: Some(session::builder().map_err(|error| Error::fatal("plan")(&error))?),
        override_config_producer: Some(Arc::new(session::config)),
        ..SchedulerConfig::default()
    })
}

/// Creates the in-memory state. [`BallistaCluster::new_memory`] is not used: it adds a cache of file statistics that
/// all sessions share and that misses some changes of files.
fn cluster() -> Result<BallistaCluster> {
    let builder = session::builder().map_err(|error| Error::fatal("plan")(&error))?;
    let jobs = InMemoryJobState::new("scheduler", builder, Arc::new(session::config));
    Ok(BallistaCluster::new(Arc::new(InMemoryClusterState::default()), Arc::new(jobs)))
}
