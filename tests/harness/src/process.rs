//! The programs as processes.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::{Client, eventually};

/// One of the workspace's programs, as built beside the test that runs.
pub fn program(name: &str) -> Command {
    // target/release/deps/end-to-end-<hash> stands below target/release/<name>.
    let test = env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "{} is not built; test the whole workspace, or build it first", path.display());
    isolated(Command::new(path))
}

/// A command whose log and default directories do not depend on the user's environment or on the system's directory for
/// temporary files.
pub fn isolated(mut command: Command) -> Command {
    // target/release/deps/end-to-end-<hash> stands below target/tmp.
    let target = env::current_exe().unwrap().ancestors().nth(3).unwrap().join("tmp/of-tests");
    fs::create_dir_all(&target).unwrap();
    command.env("TMPDIR", &target).env("XDG_STATE_HOME", &target).env_remove("STATE_DIRECTORY");
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Sends a process a signal by its name: `TERM`.
pub fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), process.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code or signal.
    pub status: ExitStatus,
    /// Its standard output, where that was piped.
    pub stdout: String,
    /// Its standard error, where that was piped.
    pub stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::with(command.output().unwrap())
    }

    /// Waits for the end of a process.
    pub fn after(child: Child) -> Self {
        Self::with(child.wait_with_output().unwrap())
    }

    /// Panics unless the process has ended with code 0.
    pub fn assert_success(self) -> Self {
        assert!(self.status.success(), "{self:?}");
        self
    }

    /// The standard output as JSON. Panics unless the process has ended with code 0.
    pub fn json(&self) -> Value {
        assert!(self.status.success(), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
    fn with(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// A server process, killed when it is dropped. Its methods are also those of a [`Client`] of it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    client: OnceLock<Client>,
}

impl Server {
    /// Starts a server, and does not wait until it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, sink) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, log, reader: Some(reader), client: OnceLock::new() }
    }

    /// Waits until the server listens. Returns the address from its log.
    pub fn address(&self) -> SocketAddr {
        let mut address = None;
        eventually("the server listens", || {
            let has_ended = self.reader.as_ref().is_none_or(JoinHandle::is_finished);
            let log = self.log();
            let rest = log.split_once("listening on http://").map(|(_, rest)| rest);
            address = rest.and_then(|rest| rest.split(['"', '\n']).next()?.parse().ok());
            assert!(address.is_some() || !has_ended, "the server ended before it listened: {log}");
            address.is_some()
        });
        address.unwrap()
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The resident memory of the process.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// The log until now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends the process a signal by its name: `TERM`.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end of the process. Its log is then complete.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.unwrap()
    }

    /// Ends the process by SIGTERM, as an orchestrator does.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.get_or_init(|| Client::of(self.address()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
