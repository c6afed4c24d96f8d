//! The processes of a cluster and their logs.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use harness::{Ended, eventually, isolated, signal};
use serde_json::Value;
use tempfile::TempDir;

/// The number of shards.
pub(crate) const N_SHARDS: u32 = 32;

/// Generated ratings of 20,000 users, and the digest of the records that one machine computes from them.
pub(crate) struct TestData {
    dir: TempDir,
    pub(crate) content_digest: String,
}

/// Options of a run whose shards take long enough to kill an executor meanwhile: users have many rating factors.
const MODEL: [&str; 11] = [
    "--test-fraction=0",
    "--factors",
    "32",
    "--epochs",
    "2",
    "--rating-sweeps",
    "2",
    "--rating-factors",
    "63",
    "--shards",
    "32",
];

/// Generates the data and runs the local engine once.
pub(crate) fn test_data() -> &'static TestData {
    static TEST_DATA: OnceLock<TestData> = OnceLock::new();
    TEST_DATA.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let mut sample = pipeline(&["sample", "--users", "20000", "--movies", "2000", "--ratings", "600000"]);
        assert!(sample.arg("--out").arg(dir.path()).status().unwrap().success());
        let mut data = TestData { dir, content_digest: String::new() };
        let output = data.dir.path().join("local");
        let account = Ended::of(&mut data.run(output.to_str().unwrap(), "local")).json();
        data.content_digest = account["content_digest"].as_str().unwrap().to_owned();
        data
    })
}

impl TestData {
    /// The command that partitions the ratings.
    pub(crate) fn partition(&self, out: &str) -> Command {
        let mut partition = pipeline(&["partition", "--shards", "32", "--out", out, "--ratings"]);
        partition.arg(self.dir.path().join("ratings.csv"));
        partition
    }

    /// A run on the data.
    pub(crate) fn run(&self, output: &str, engine: &str) -> Command {
        self.run_on(self.dir.path().join("ratings.csv").to_str().unwrap(), output, engine)
    }

    /// A run on partitioned ratings.
    pub(crate) fn run_on(&self, ratings: &str, output: &str, engine: &str) -> Command {
        let mut run = pipeline(&["run", "--json", "--output", output, "--engine", engine]);
        run.args(MODEL).args(["--ratings", ratings]);
        run.arg("--movies").arg(self.dir.path().join("movies.csv"));
        run.stdout(Stdio::piped()).stderr(Stdio::piped());
        run
    }
}

/// The program with the feature `cluster`.
pub(crate) fn pipeline(args: &[&str]) -> Command {
    let mut command = isolated(Command::new(env::var_os("RECOMMENDER_TEST_CLUSTER").unwrap()));
    command.args(args);
    command
}

/// A process of the cluster, killed when it is dropped.
pub(crate) struct Node {
    process: Child,
    log: PathBuf,
}

impl Node {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        // A restarted scheduler appends to the log of the first one.
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let process = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { process, log }
    }

    pub(crate) fn kill(&mut self) {
        // The process may have ended.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }

    /// Kills the executor while it computes a shard without results. Returns the shard.
    pub(crate) fn kill_while_computing(&mut self, has_results: impl Fn(u32) -> bool) -> u32 {
        let mut shard = None;
        eventually("the executor computes a shard", || {
            // Stopped during the check, so that the shard does not end meanwhile.
            signal(&self.process, "STOP");
            shard = self.begun().last().copied().filter(|&shard| !has_results(shard));
            if shard.is_some() {
                self.kill();
            } else {
                signal(&self.process, "CONT");
            }
            shard.is_some()
        });
        shard.unwrap()
    }

    /// The shards that the executor has begun, in order.
    pub(crate) fn begun(&self) -> Vec<u32> {
        let text = fs::read_to_string(&self.log).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["message"] == "computing")
            .filter_map(|line| u32::try_from(line["shard"].as_u64()?).ok())
            .collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A scheduler and two executors with one slot.
pub(crate) struct Cluster {
    dir: TempDir,
    pub(crate) scheduler: Node,
    pub(crate) executors: Vec<Node>,
    address: String,
    environment: Vec<(&'static str, String)>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::with(Vec::new())
    }

    /// Starts a cluster whose processes have variables in their environment.
    pub(crate) fn with(environment: Vec<(&'static str, String)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("scheduler.log");
        let scheduler = Node::start(scheduler("127.0.0.1:0", &environment), log.clone());
        let mut address = None;
        eventually("the scheduler listens", || {
            let text = fs::read_to_string(&log).unwrap();
            let found = text.split_once("the scheduler listens at ").map(|(_, rest)| rest);
            address = found.and_then(|rest| rest.split('"').next()).map(str::to_owned);
            address.is_some()
        });
        let address = address.unwrap();
        let mut cluster = Self { dir, scheduler, executors: Vec::new(), address, environment };
        cluster.add_executor();
        cluster.add_executor();
        cluster
    }

    pub(crate) fn add_executor(&mut self) {
        let number = self.executors.len();
        let mut command = pipeline(&["cluster", "executor", "--slots", "1", "--scheduler", &self.address]);
        command.arg("--work-dir").arg(self.dir.path().join(format!("work-{number}")));
        command.envs(self.environment.iter().cloned());
        let log = self.dir.path().join(format!("executor-{number}.log"));
        self.executors.push(Node::start(command, log));
    }

    /// Kills the scheduler and starts another in its place.
    pub(crate) fn restart_scheduler(&mut self) {
        self.scheduler.kill();
        let command = scheduler(&self.address, &self.environment);
        self.scheduler = Node::start(command, self.dir.path().join("scheduler.log"));
    }

    /// The Parquet files in an executor's work directory.
    pub(crate) fn copies(&self, number: usize) -> Vec<PathBuf> {
        let (mut found, mut dirs) = (Vec::new(), vec![self.dir.path().join(format!("work-{number}"))]);
        while let Some(dir) = dirs.pop() {
            for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() { dirs.push(path) } else { found.push(path) }
            }
        }
        found.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        found
    }

    pub(crate) fn url(&self) -> String {
        format!("ballista://{}", self.address)
    }

    /// Waits until all executors together have begun `n` shards.
    pub(crate) fn wait_until_begun(&self, n: usize) {
        eventually("some shards have been begun", || self.n_begun() >= n);
    }

    pub(crate) fn n_begun(&self) -> usize {
        self.executors.iter().map(|executor| executor.begun().len()).sum()
    }
}

fn scheduler(address: &str, environment: &[(&'static str, String)]) -> Command {
    let mut command = pipeline(&["cluster", "scheduler", "--executor-timeout", "7", "--bind", address]);
    command.envs(environment.iter().cloned());
    command
}
