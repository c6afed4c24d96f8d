//! The executor: requests tasks from the scheduler and computes them with its kernels.
//!
//! It is assembled from Ballista's parts. Ballista's `start_executor_process` installs signal handlers, does not return
//! the port that it was given, and keeps caches for each session.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorRegistration, ExecutorStoppedParams};
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_core::{BALLISTA_PROTOCOL_VERSION, RuntimeProducer, ids::new_instance_id};
use ballista_executor::execution_engine::DefaultExecutionEngine;
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor as Worker;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

use crate::error::{Error, Result};
use crate::functions::functions;
use crate::kernels::Kernels;
use crate::wire::{self, PausingChannel};
use crate::{objects, session};

/// The timeout of the request that tells the scheduler that the executor stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of an executor.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// `HOST:PORT` of the scheduler. The executor may start before it.
    pub scheduler: String,
    /// The address at which it serves results. The scheduler fetches them for clients. Port 0 selects a free port.
    pub bind: SocketAddr,
    /// The host name at which the scheduler connects to the executor; by default the source address of its requests.
    pub host: Option<String>,
    /// The maximum number of concurrent tasks.
    pub slots: usize,
    /// The directory in which the executor creates its own directory for results of `check_shard`. They are needed for
    /// a minute and are safe to delete afterwards.
    pub work_dir: PathBuf,
}

/// An executor with a bound address.
#[derive(Debug)]
pub struct Executor {
    listener: TcpListener,
    settings: ExecutorSettings,
}

impl Executor {
    /// Binds the address, so that it is known before requests are served.
    ///
    /// # Errors
    ///
    /// [`Error::Fatal`] if the address cannot be bound or `slots` is 0.
    pub async fn bind(settings: ExecutorSettings) -> Result<Self> {
        if settings.slots == 0 {
            return Err(Error::Fatal("an executor needs at least 1 slot".to_owned()));
        }
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

    /// Requests tasks and computes them until `shutdown` completes, also across restarts of the scheduler. After
    /// `shutdown`, the scheduler assigns the unfinished tasks to other executors. The caller should then end the
    /// process, since a running kernel cannot be interrupted.
    ///
    /// # Errors
    ///
    /// [`Error::Fatal`] if the executor cannot start, or its connections or its server fail permanently.
    pub async fn serve(self, kernels: Arc<dyn Kernels>, shutdown: impl Future<Output = ()>) -> Result<()> {
        let address = self.address()?;
        let Self { listener, settings } = self;
        let work_dir = work_dir(&settings)?;
        let folder = work_dir.path().to_string_lossy().into_owned();
        let worker = worker(&settings, address, &folder, &kernels)?;
        let id = worker.metadata.id.clone();
        let channel = wire::endpoint(&settings.scheduler)?.connect_lazy();
        let mut stop_client = SchedulerGrpcClient::new(channel.clone());
        let scheduler = SchedulerGrpcClient::new(PausingChannel(channel))
            .max_encoding_message_size(wire::MESSAGE)
            .max_decoding_message_size(wire::MESSAGE);
        let codec = BallistaCodec::<LogicalPlanNode, PhysicalPlanNode>::default();
        let polling = poll_loop(scheduler, Arc::new(worker), codec, None, None, ExecutorHealth::new());
        let flight = tonic::transport::Server::builder()
            .add_service(FlightServiceServer::new(BallistaFlightService::new(folder)))
            .serve_with_incoming(TcpIncoming::from(listener));
        tracing::info!("executor {id} of {} slots listens at {address}", settings.slots);
        tokio::select! {
            ended = polling => ended.map_err(|error| Error::fatal("request tasks")(&error))?,
            ended = flight => ended.map_err(|error| Error::fatal("serve results")(&error))?,
            () = shutdown => {}
        }
        let stopped =
            ExecutorStoppedParams { executor_id: id, reason: "the executor is shutting down".to_owned() };
        if tokio::time::timeout(STOP_TIMEOUT, stop_client.executor_stopped(stopped)).await.is_err() {
            tracing::warn!("the scheduler does not acknowledge that this executor stops");
        }
        Ok(())
    }
}

fn work_dir(settings: &ExecutorSettings) -> Result<TempDir> {
    std::fs::create_dir_all(&settings.work_dir)
        .and_then(|()| tempfile::Builder::new().prefix("executor-").tempdir_in(&settings.work_dir))
        .map_err(|error| Error::Fatal(format!("cannot work in {}: {error}", settings.work_dir.display())))
}

fn worker(
    settings: &ExecutorSettings,
    address: SocketAddr,
    folder: &str,
    kernels: &Arc<dyn Kernels>,
) -> Result<Worker> {
    let slots = u32::try_from(settings.slots).map_err(|error| Error::fatal("offer slots")(&error))?;
    let registration = ExecutorRegistration {
        id: new_instance_id(),
        host: settings.host.clone(),
        port: u32::from(address.port()),
        // The port for pushed and canceled tasks. No service handles those requests; this port rejects them at once.
        grpc_port: u32::from(address.port()),
        specification: Some(ExecutorSpecification::default().with_vcores(slots).into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    let mut registry = BallistaFunctionRegistry::default();
    for function in functions(Some(kernels)) {
        registry.scalar_functions.insert(function.name().to_owned(), function);
    }
    // One runtime for all tasks. It holds the connections to the stores and no caches.
    let runtime = objects::runtime().map_err(|error| Error::fatal("start an executor")(&error))?;
    let runtime: RuntimeProducer = Arc::new(move |_| Ok(Arc::clone(&runtime)));
    Ok(Worker::new(
        registration,
        folder,
        runtime,
        Arc::new(session::config),
        Arc::new(registry),
        Arc::new(LoggingMetricsCollector::default()),
        settings.slots,
        Arc::new(DefaultExecutionEngine::new()),
    ))
}
