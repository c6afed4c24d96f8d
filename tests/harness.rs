//! Makes each test a few sentences: a world with an output directory, runs of the pipeline, servers, requests.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use store::reader::OpenGeneration;
use store::{GenerationId, Repository};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it: longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Options of a run whose model need not be good: not measured, and trained in a moment.
pub(crate) const SMALL_MODEL: [&str; 7] =
    ["--test-fraction=0", "--factors", "16", "--epochs", "2", "--rating-sweeps", "2"];

/// What a user's list is asked for by.
pub(crate) const LIST: &str = "/recommendations?user_id=18&n=50";

/// A directory for one test.
pub(crate) struct World {
    dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path("output")
    }

    /// Writes a file of the test's own and returns where.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A run on the committed sample, with further arguments, that must succeed: its account.
    pub(crate) fn run_sample(&self, args: &[&str]) -> Value {
        self.run(&sample("ratings.csv"), &sample("movies.csv"), args)
    }

    /// A run on the committed sample that is over in a moment: see [`SMALL_MODEL`].
    pub(crate) fn run_quickly(&self, args: &[&str]) -> Value {
        self.run_sample(&[&SMALL_MODEL, args].concat())
    }

    /// A run on files, with further arguments, that must succeed: its account.
    pub(crate) fn run(&self, ratings: &Path, movies: &Path, args: &[&str]) -> Value {
        let mut command = self.pipeline("run");
        command.arg("--ratings").arg(ratings).arg("--movies").arg(movies).args(["--json"]).args(args);
        let ended = Ended::of(&mut command);
        assert!(ended.status.success(), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The pipeline with a command that writes to this world's output.
    pub(crate) fn pipeline(&self, command: &str) -> Command {
        let mut pipeline = program("pipeline");
        pipeline.arg(command).arg("--output").arg(self.output());
        pipeline
    }

    pub(crate) fn repository(&self) -> Repository {
        Repository::in_directory(&self.output())
    }

    /// The published generation, of which there must be one.
    pub(crate) fn current(&self) -> GenerationId {
        self.repository().current().unwrap().unwrap()
    }

    /// The published generation, opened as a server would.
    pub(crate) fn open_current(&self) -> OpenGeneration {
        self.open(&self.current())
    }

    pub(crate) fn open(&self, id: &GenerationId) -> OpenGeneration {
        self.repository().open_generation(id, &self.path("copies"), 64 << 20).unwrap()
    }

    /// A server on this world's output that has begun to listen.
    pub(crate) fn serve(&self) -> Server {
        let mut command = program("server");
        command.arg("--store").arg(self.output()).args(["--listen", "127.0.0.1:0"]);
        command.args(["--poll-interval", "50ms"]).arg("--work-dir").arg(self.path("work"));
        Server::start(&mut command)
    }

    /// A server on this world's output that answers from a generation.
    pub(crate) fn serve_when_ready(&self) -> Server {
        let server = self.serve();
        server.wait_until_ready(None);
        server
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a process a signal by its name: `TERM`.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), process.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// The generation that the one job in an output directory makes.
pub(crate) fn in_the_making(output: &Path) -> GenerationId {
    let job = fs::read_dir(output.join("jobs")).unwrap().next().unwrap().unwrap();
    job.file_name().to_string_lossy().parse().unwrap()
}

/// A shard's file in a generation.
pub(crate) fn users_file(output: &Path, id: &GenerationId, shard: u32) -> PathBuf {
    output.join(format!("generations/{id}/users/{shard:05}.parquet"))
}

/// The accounts, by name, of the shards that are done of the jobs in an output directory.
pub(crate) fn shards_done(output: &Path) -> BTreeSet<String> {
    let entries = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    let done = |job: fs::DirEntry| entries(&job.path().join("done")).collect::<Vec<_>>();
    let names = entries(&output.join("jobs")).flat_map(done).map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".json")).collect()
}

/// A file of the committed sample.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample").join(name)
}

/// One of the workspace's programs, as built beside this test.
pub(crate) fn program(name: &str) -> Command {
    // target/release/deps/end-to-end-<hash> stands below target/release/<name>.
    let test = env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "{} is not built; test the whole workspace, or build it first", path.display());
    let mut command = Command::new(path);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::with(command.output().unwrap())
    }

    /// One that was started before.
    pub(crate) fn after(child: Child) -> Self {
        Self::with(child.wait_with_output().unwrap())
    }

    fn with(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// A server process. It is killed when a test drops it without having stopped it.
pub(crate) struct Server {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let url = loop {
            let begin = log.len();
            assert!(lines.read_line(&mut log).unwrap() > 0, "the server ended before it listened: {log}");
            if let Some(at) = log[begin..].find("http://") {
                // The line is JSON; the address ends where its text does.
                break log[begin + at..].split(['"', '\n']).next().unwrap_or_default().to_owned();
            }
        };
        let log = Arc::new(Mutex::new(log));
        let sink = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                sink.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { child, url, log, agent }
    }

    /// Where it listens, as host:port.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that its process holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// A user's list, which must be that of a generation.
    pub(crate) fn list_of(&self, generation: &str) -> String {
        let answer = self.get(LIST);
        assert_eq!((answer.status, answer.headers["x-generation"].as_str()), (200, generation));
        answer.body
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::read(self.agent.get(format!("{}{path}", self.url)).call().unwrap())
    }

    /// Sends a body of JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        Answer::read(request.send(body).unwrap())
    }

    /// Waits until a generation answers, the given one if any.
    pub(crate) fn wait_until_ready(&self, generation: Option<&str>) {
        let start = Instant::now();
        loop {
            let answer = self.get("/readyz");
            let serves = answer.headers.get("x-generation").map(String::as_str);
            if answer.status == 200 && generation.is_none_or(|id| serves == Some(id)) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "still {answer:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, as an orchestrator does, and returns how it ended.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        signal(&self.child, "TERM");
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        };
        Self {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(header).collect(),
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The ids of `/recommendations`.
    pub(crate) fn item_ids(&self) -> Vec<u64> {
        self.json()["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
    }
}
