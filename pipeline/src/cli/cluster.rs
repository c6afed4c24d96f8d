//! The processes of a cluster: `pipeline cluster scheduler` and `pipeline cluster executor`.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use cluster::{Executor, ExecutorSettings, Scheduler, SchedulerSettings};
use pipeline::Error;
use pipeline::shards::TaskKernels;

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    process: Process,
}

#[derive(Debug, Subcommand)]
enum Process {
    /// Hand out the shards of runs to executors. Nobody is authenticated: listen only where all are trusted
    Scheduler(SchedulerArgs),
    /// Compute shards, as many at once as it has slots, until it is told to end
    Executor(ExecutorArgs),
}

#[derive(Debug, Args)]
struct SchedulerArgs {
    /// The address to listen on
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    bind: SocketAddr,
    /// How long an executor may be silent before its shards go to others, in seconds; at least 7
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    executor_timeout: u64,
}

#[derive(Debug, Args)]
struct ExecutorArgs {
    /// The scheduler, which need not run yet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// The address to listen on, for the scheduler; port 0 is any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// The name by which the scheduler reaches it [default: where its requests come from]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Shards to compute at once, each by a thread [default: one a core]
    #[arg(long, value_name = "N")]
    slots: Option<NonZeroUsize>,
    /// Where copies live; nothing of value is there
    #[arg(long, value_name = "DIR", default_value_os_t = store::work_dir::default_work_dir("executor"))]
    work_dir: PathBuf,
}

impl ClusterArgs {
    /// Serves until the process is told to end.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot listen or go on.
    pub(crate) fn run(self) -> Result<String, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| failed("start the threads of", "a cluster's process", e))?;
        match self.process {
            Process::Scheduler(args) => runtime.block_on(args.serve()),
            Process::Executor(args) => {
                let slots = args.slots.or_else(|| std::thread::available_parallelism().ok());
                let slots = slots.map_or(1, NonZeroUsize::get);
                // A slot is a thread: tasks share these, however many there are.
                rayon::ThreadPoolBuilder::new()
                    .num_threads(slots)
                    .build_global()
                    .map_err(|e| failed("start the threads of", "an executor", io::Error::other(e)))?;
                runtime.block_on(args.serve(slots))
            }
        }?;
        // A kernel cannot be interrupted, and nobody waits for what it would find.
        runtime.shutdown_background();
        Ok(String::new())
    }
}

impl SchedulerArgs {
    async fn serve(self) -> Result<(), Error> {
        let Self { bind, executor_timeout } = self;
        let settings = SchedulerSettings { bind, executor_timeout: Duration::from_secs(executor_timeout) };
        let of = |e| of_cluster("the scheduler", e);
        Scheduler::bind(settings).await.map_err(of)?.serve(told_to_end()).await.map_err(of)
    }
}

impl ExecutorArgs {
    async fn serve(self, slots: usize) -> Result<(), Error> {
        let Self { scheduler, bind, host, work_dir, .. } = self;
        store::work_dir::create_work_dir(&work_dir)?;
        let kernels = Arc::new(TaskKernels::new(work_dir.clone()));
        let settings = ExecutorSettings { scheduler, bind, host, slots, work_dir };
        let of = |e| of_cluster("an executor", e);
        Executor::bind(settings).await.map_err(of)?.serve(kernels, told_to_end()).await.map_err(of)
    }
}

/// Waits for SIGTERM or SIGINT.
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};

    let waits = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a way to be told, it runs until it is killed.
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
    Error::Io { action, path: what.into(), source }
}
