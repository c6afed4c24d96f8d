//! The processes of a cluster: `pipeline cluster scheduler` and `pipeline cluster executor`.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use cluster::{Executor, ExecutorSettings, Scheduler, SchedulerSettings};
use limits::Limits;
use pipeline::Error;
use pipeline::shards::TaskKernels;
use settings::within;

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    process: Process,
}

#[derive(Debug, Subcommand)]
enum Process {
    /// Distribute the shards of runs to executors. There is no authentication: listen on a trusted network only
    Scheduler(SchedulerArgs),
    /// Compute shards, one per slot at once, until SIGTERM or SIGINT
    Executor(ExecutorArgs),
}

#[derive(Debug, Args)]
struct SchedulerArgs {
    /// The address to listen on
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050", value_parser = address)]
    bind: SocketAddr,
    /// The seconds without a message after which the shards of an executor go to others; at least 7
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = within(Limits::<u64>::at_least(7)))]
    executor_timeout: u64,
}

#[derive(Debug, Args)]
struct ExecutorArgs {
    /// The address of the scheduler, which need not run yet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// The address to listen on for the scheduler; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    bind: SocketAddr,
    /// The name by which the scheduler reaches this executor [default: the address its requests come from]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The shards to compute at once, each by a thread [default: one per core]
    #[arg(long, value_name = "N", value_parser = within(super::THREADS))]
    slots: Option<usize>,
    /// The directory for copies; it may be deleted while no executor runs
    #[arg(long, value_name = "DIR", default_value_os_t = store::work_dir::default_work_dir("executor"))]
    work_dir: PathBuf,
}

impl ClusterArgs {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// [`Error::Store`] if it cannot listen, or the connection fails for good.
    pub(crate) fn run(self) -> Result<String, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| failed("start the threads of", "a cluster's process", e))?;
        match self.process {
            Process::Scheduler(args) => runtime.block_on(args.serve()),
            Process::Executor(args) => {
                let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
                let slots = args.slots.unwrap_or_else(cores);
                // All tasks share these threads, one per slot.
                rayon::ThreadPoolBuilder::new()
                    .num_threads(slots)
                    .build_global()
                    .map_err(|e| failed("start the threads of", "an executor", io::Error::other(e)))?;
                runtime.block_on(args.serve(slots))
            }
        }?;
        // A kernel cannot be interrupted, and its result is not needed any more.
        runtime.shutdown_background();
        Ok(String::new())
    }
}

impl SchedulerArgs {
    async fn serve(self) -> Result<(), Error> {
        let Self { bind, executor_timeout } = self;
        let settings = SchedulerSettings { bind, executor_timeout: Duration::from_secs(executor_timeout) };
        let of = |e| of_cluster("the scheduler", e);
        Scheduler::bind(settings).await.map_err(of)?.serve(stop_signal()).await.map_err(of)
    }
}

impl ExecutorArgs {
    async fn serve(self, slots: usize) -> Result<(), Error> {
        let Self { scheduler, bind, host, work_dir, .. } = self;
        store::work_dir::create_work_dir(&work_dir)?;
        let kernels = Arc::new(TaskKernels::new(work_dir.clone()));
        let settings = ExecutorSettings { scheduler, bind, host, slots, work_dir };
        let of = |e| of_cluster("an executor", e);
        Executor::bind(settings).await.map_err(of)?.serve(kernels, stop_signal()).await.map_err(of)
    }
}

/// Parses an address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port such as 127.0.0.1:50050".to_owned())
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let waits = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a signal handler, it runs until it is killed.
            Err(_) => std::future::pending().await,
        }
    });
    let [terminate, interrupt] = waits;
    tokio::select! {
        () = terminate => {}
        () = interrupt => {}
    }
}

fn of_cluster(what: &'static str, error: cluster::Error) -> Error {
    failed("run", what, io::Error::other(error))
}

fn failed(action: &'static str, what: &'static str, source: io::Error) -> Error {
    store::Error::io(action, what)(source).into()
}
