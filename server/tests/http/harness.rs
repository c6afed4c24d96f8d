//! Runs the server, in this process or as the real program, and asks it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use server::Settings;
use settings::LogFormat;
use store::shards::Owned;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

use crate::editions::Output;

/// How long anything may take before a test gives up; no test is about time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that keeps its connections, takes every status as an answer, a redirect too, and does not wait forever.
pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.max_redirects(0).max_redirects_will_error(false).build().into()
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.json()["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
    }

    /// A header's text, empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends one request without a body.
pub(crate) fn ask(
    agent: &Agent,
    method: &str,
    address: SocketAddr,
    target: &str,
) -> Result<Answer, ureq::Error> {
    let request = Request::builder().method(method).uri(format!("http://{address}{target}")).body(())?;
    read(agent.run(request)?)
}

fn read(response: Response<Body>) -> Result<Answer, ureq::Error> {
    let (head, mut body) = response.into_parts();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.read_to_string()? })
}

/// A server in this process, stopped and awaited when dropped.
pub(crate) struct InProcess {
    pub(crate) address: SocketAddr,
    agent: Agent,
    work: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<server::Result<()>>>,
}

impl InProcess {
    /// Starts a server that looks for new generations all the time.
    pub(crate) fn start(store: &Path) -> Self {
        Self::start_with(store, |_| ())
    }

    /// Starts one with other settings.
    pub(crate) fn start_with(store: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let work = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            store: store.into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            work_dir: work.path().to_path_buf(),
            shards: Owned::all(),
            shards_redirect: None,
            cache_mib: 16,
            poll_interval: Duration::from_millis(5),
            bandwidth_mib: None,
            workers: None,
            max_connections: 1000,
            request_timeout: PATIENCE,
            max_body_kib: 64,
            max_age: Duration::ZERO,
            deny_list: None,
            drain_timeout: PATIENCE,
            log_format: LogFormat::Auto,
        };
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(async { server::listen(settings.listen) }).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let thread = thread::spawn(move || runtime.block_on(server::run(listener, settings, shutdown)));
        Self { address, agent: agent(), work, stop: Some(stop), thread: Some(thread) }
    }

    /// Starts a server and waits until it has opened the published generation.
    pub(crate) fn ready(output: &Output) -> Self {
        Self::ready_with(output, |_| ())
    }

    /// One with other settings that has opened the published generation.
    pub(crate) fn ready_with(output: &Output, change: impl FnOnce(&mut Settings)) -> Self {
        let server = Self::start_with(output.path(), change);
        eventually("a generation is open", || server.get("/readyz").status == 200);
        server
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target)
    }

    pub(crate) fn ask(&self, method: &str, target: &str) -> Answer {
        ask(&self.agent, method, self.address, target).unwrap()
    }

    /// Asks with a header.
    pub(crate) fn get_with(&self, target: &str, name: &str, value: &str) -> Answer {
        let uri = format!("http://{}{target}", self.address);
        read(self.agent.run(Request::get(uri).header(name, value).body(()).unwrap()).unwrap()).unwrap()
    }

    /// Sends a body.
    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        let uri = format!("http://{}{target}", self.address);
        let request = Request::post(uri).header("content-type", "application/json").body(body).unwrap();
        read(self.agent.run(request).unwrap()).unwrap()
    }

    /// How many working copies there are.
    pub(crate) fn n_copies(&self) -> usize {
        self.work.path().read_dir().unwrap().count()
    }

    /// Stops the server and returns how many working copies it leaves behind.
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

impl Drop for InProcess {
    fn drop(&mut self) {
        // A second panic while a failed test unwinds would hide the first.
        if !thread::panicking() {
            self.end();
        }
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "it never came about that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The real program with its log, killed when dropped.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    work: Arc<TempDir>,
}

impl Program {
    /// Starts the program on a free port.
    pub(crate) fn start(store: &Path, arguments: &[&str]) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), store, arguments)
    }

    /// Starts the program on a free port and in a work directory, which others may have used.
    pub(crate) fn start_in(work: Arc<TempDir>, store: &Path, arguments: &[&str]) -> Self {
        let mut child = program()
            .args(["--listen", "127.0.0.1:0", "--poll-interval", "5ms"])
            .arg("--store")
            .arg(store)
            .arg("--work-dir")
            .arg(work.path())
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, sink) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, log, reader: Some(reader), work }
    }

    /// The address that the program says it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        let mut address = None;
        eventually("the program listens", || {
            let log = self.log();
            let address_of = |line: &str| {
                let (_, address) = line.split_once("listening on http://")?;
                address.split('"').next()?.parse().ok()
            };
            address = log.lines().find_map(address_of);
            address.is_some()
        });
        address.unwrap()
    }

    /// The log until now.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal by its name: `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the program's end; its log is then complete.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.unwrap()
    }

    /// How many working copies there are.
    pub(crate) fn n_copies(&self) -> usize {
        self.work.path().read_dir().unwrap().count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, for runs that end by themselves.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.env_remove("RUST_LOG");
    command
}
