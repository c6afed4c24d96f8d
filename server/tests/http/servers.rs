//! Servers in this process, and servers that are processes.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use harness::{Client, Server, TIMEOUT, program};
use server::Settings;
use server::hosts::Hosts;
use settings::LogFormat;
use store::shards::Owned;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::editions::Output;

/// A server in this process. It is stopped, and its end waited for, when it is dropped.
pub(crate) struct InProcess {
    pub(crate) address: SocketAddr,
    client: Client,
    work: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<server::Result<()>>>,
}

impl InProcess {
    /// Starts a server that looks for new generations all the time.
    pub(crate) fn start(store: &Path) -> Self {
        Self::start_with(store, |_| ())
    }

    /// Starts a server with other settings.
    pub(crate) fn start_with(store: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let work = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            store: store.into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            hosts: Hosts::all(),
            work_dir: work.path().to_path_buf(),
            shards: Owned::all(),
            shards_redirect: None,
            cache_mib: 16,
            poll_interval: Duration::from_millis(5),
            bandwidth_mib: None,
            workers: None,
            max_connections: 1000,
            request_timeout: TIMEOUT,
            max_body_kib: 64,
            max_age: Duration::ZERO,
            deny_list: None,
            drain_timeout: TIMEOUT,
            log_format: LogFormat::Auto,
        };
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(async { server::listen(settings.listen) }).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let thread = thread::spawn(move || runtime.block_on(server::run(listener, settings, shutdown)));
        Self { address, client: Client::of(address), work, stop: Some(stop), thread: Some(thread) }
    }

    /// Starts a server and waits until it has opened the published generation.
    pub(crate) fn ready(output: &Output) -> Self {
        Self::ready_with(output, |_| ())
    }

    /// Starts a server with other settings and waits until it has opened the published generation.
    pub(crate) fn ready_with(output: &Output, change: impl FnOnce(&mut Settings)) -> Self {
        let server = Self::start_with(output.path(), change);
        server.wait_until_ready(None);
        server
    }

    /// The number of working copies.
    pub(crate) fn n_copies(&self) -> usize {
        self.work.path().read_dir().unwrap().count()
    }

    /// Stops the server and returns the number of working copies that it leaves behind.
    pub(crate) fn stop(mut self) -> usize {
        self.end();
        self.n_copies()
    }

    fn end(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).unwrap();
            thread.join().unwrap().unwrap();
        }
    }
}

impl Deref for InProcess {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        // A second panic while a failed test unwinds would hide the first.
        if !thread::panicking() {
            self.end();
        }
    }
}

/// The real program in a work directory.
pub(crate) struct Program {
    server: Server,
    work: Arc<TempDir>,
}

impl Program {
    /// Starts the program on a free port.
    pub(crate) fn start(store: &Path, arguments: &[&str]) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), store, arguments)
    }

    /// Starts the program on a free port and in a work directory, which others may have used.
    pub(crate) fn start_in(work: Arc<TempDir>, store: &Path, arguments: &[&str]) -> Self {
        let mut command = program("server");
        command.args(["--listen", "127.0.0.1:0", "--poll-interval", "5ms"]).arg("--store").arg(store);
        // Few enough for every limit on open files: the program warns otherwise.
        command.args(["--max-connections", "500"]);
        let server = Server::start(command.arg("--work-dir").arg(work.path()).args(arguments));
        Self { server, work }
    }

    /// The number of working copies.
    pub(crate) fn n_copies(&self) -> usize {
        self.work.path().read_dir().unwrap().count()
    }
}

impl Deref for Program {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
