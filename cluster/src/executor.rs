//! An executor: asks the scheduler for tasks and computes them with its kernels.
//!
//! Made of Ballista's parts rather than by its `start_executor_process`, which handles signals by itself, cannot say
//! which port it was given, and keeps caches for each session.

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
use crate::wire::{self, Patient};
use crate::{objects, session};

/// How long a scheduler may take to hear that an executor leaves.
const FAREWELL: Duration = Duration::from_secs(2);

/// How an executor runs.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// `HOST:PORT` of the scheduler. It need not run yet.
    pub scheduler: String,
    /// Where it listens for those who fetch results: the scheduler, for its clients. With port 0 any that is free.
    pub bind: SocketAddr,
    /// The name under which the scheduler reaches it; by default the address its requests come from.
    pub host: Option<String>,
    /// How many tasks it computes at once.
    pub slots: usize,
    /// Where results of `check_shard` lie for a minute, in a folder of its own. Nothing in there is of value.
    pub work_dir: PathBuf,
}

/// An executor that listens.
#[derive(Debug)]
pub struct Executor {
    listener: TcpListener,
    settings: ExecutorSettings,
}

impl Executor {
    /// Listens, so that the address is known before anything is served.
    ///
    /// # Errors
    ///
    /// If that address cannot be had, or there are no slots.
    pub async fn bind(settings: ExecutorSettings) -> Result<Self> {
        if settings.slots == 0 {
            return Err(Error::Fatal("an executor without slots computes nothing".to_owned()));
        }
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

    /// Asks for tasks and computes them until `shutdown` is over, whatever becomes of the scheduler meanwhile. Tasks
    /// that run then go to others; the process should end, for a kernel cannot be interrupted.
    ///
    /// # Errors
    ///
    /// If it cannot go on.
    pub async fn serve(self, kernels: Arc<dyn Kernels>, shutdown: impl Future<Output = ()>) -> Result<()> {
        let address = self.address()?;
        let Self { listener, settings } = self;
        let work_dir = work_dir(&settings)?;
        let folder = work_dir.path().to_string_lossy().into_owned();
        let worker = worker(&settings, address, &folder, &kernels)?;
        let id = worker.metadata.id.clone();
        let channel = wire::endpoint(&settings.scheduler)?.connect_lazy();
        let mut farewell = SchedulerGrpcClient::new(channel.clone());
        let scheduler = SchedulerGrpcClient::new(Patient(channel))
            .max_encoding_message_size(wire::MESSAGE)
            .max_decoding_message_size(wire::MESSAGE);
        let codec = BallistaCodec::<LogicalPlanNode, PhysicalPlanNode>::default();
        let asking = poll_loop(scheduler, Arc::new(worker), codec, None, None, ExecutorHealth::new());
        let flight = tonic::transport::Server::builder()
            .add_service(FlightServiceServer::new(BallistaFlightService::new(folder)))
            .serve_with_incoming(TcpIncoming::from(listener));
        tracing::info!("executor {id} of {} slots listens at {address}", settings.slots);
        tokio::select! {
            ended = asking => ended.map_err(|error| Error::fatal("ask for tasks")(&error))?,
            ended = flight => ended.map_err(|error| Error::fatal("serve results")(&error))?,
            () = shutdown => {}
        }
        let goodbye = ExecutorStoppedParams { executor_id: id, reason: "it was asked to end".to_owned() };
        if tokio::time::timeout(FAREWELL, farewell.executor_stopped(goodbye)).await.is_err() {
            tracing::warn!("the scheduler does not hear that this executor leaves");
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
        // Where tasks would be pushed or cancelled. Nobody serves that, and the one port says so at once.
        grpc_port: u32::from(address.port()),
        specification: Some(ExecutorSpecification::default().with_vcores(slots).into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    let mut registry = BallistaFunctionRegistry::default();
    for function in functions(Some(kernels)) {
        registry.scalar_functions.insert(function.name().to_owned(), function);
    }
    // One for all tasks: it holds the connections to the stores, and no caches.
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
