//! The processes of a cluster and their logs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster::{Client, ClientSettings, Error, ShardJob};
use tokio::task::JoinSet;
use url::Url;

use crate::users::write_users;

/// The executor timeout of the schedulers in seconds: the allowed minimum.
pub(crate) const EXECUTOR_TIMEOUT: &str = "7";
/// The maximum time that a test waits for a condition, longer than the slowest machine needs.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Waits until a condition holds.
async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < TIMEOUT, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) struct Node {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Node {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let test = std::env::current_exe().unwrap();
        let node = test.parent().and_then(Path::parent).unwrap().join("examples").join("node");
        let mut child = Command::new(node)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example `node` is built with the tests");
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }

    pub(crate) fn scheduler(address: &str, executor_timeout: &str) -> Self {
        Self::start(&["scheduler", address, executor_timeout])
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn settings() -> ClientSettings {
    let no_executors_timeout = Duration::from_secs(3);
    ClientSettings { job_timeout: TIMEOUT, no_executors_timeout, ..ClientSettings::default() }
}

pub(crate) struct Cluster {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) scheduler: Node,
    pub(crate) executors: Vec<Node>,
    pub(crate) client: Client,
}

impl Cluster {
    pub(crate) async fn start(n_executors: usize) -> Self {
        Self::with(n_executors, EXECUTOR_TIMEOUT, settings()).await
    }

    /// Starts a cluster whose scheduler never drops an executor, and whose client has a silence timeout.
    pub(crate) async fn start_without_executor_timeout(
        n_executors: usize,
        silence_timeout: Duration,
    ) -> Self {
        let settings = ClientSettings { job_timeout: 10 * TIMEOUT, silence_timeout, ..settings() };
        Self::with(n_executors, "3600", settings).await
    }

    async fn with(n_executors: usize, executor_timeout: &str, settings: ClientSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scheduler = Node::scheduler("127.0.0.1:0", executor_timeout);
        let path = folder.path().to_str().unwrap();
        let executors =
            (0..n_executors).map(|_| Node::start(&["executor", &scheduler.address, path])).collect();
        let url = format!("ballista://{}", scheduler.address);
        let client = Client::connect(&url, settings).await.unwrap();
        let cluster = Self { folder, scheduler, executors, client };
        eventually("the executors are known", async || cluster.client.has_executors().await.unwrap()).await;
        cluster
    }

    pub(crate) fn output(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("out-{name}.parquet"))
    }

    /// A shard. The test kernels compute a shard whose name begins with `held` only after [`Cluster::release`].
    pub(crate) fn shard(&self, name: &str) -> ShardJob {
        let input = self.folder.path().join(format!("in-{name}.parquet"));
        write_users(&input, false);
        ShardJob {
            input: Url::from_file_path(input).unwrap(),
            output: Url::from_file_path(self.output(name)).unwrap(),
            reference: name.to_owned(),
        }
    }

    /// Lets the test kernels compute held shards.
    pub(crate) fn release(&self) {
        std::fs::write(self.folder.path().join("released"), "").unwrap();
    }

    /// The log lines of all executors, each with the executor's process id.
    pub(crate) fn log(&self) -> Vec<(u32, String)> {
        let log = |node: &Node| {
            let path = self.folder.path().join(format!("log-{}", node.child.id()));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines().map(|line| (node.child.id(), line.to_owned())).collect::<Vec<_>>()
        };
        self.executors.iter().flat_map(log).collect()
    }

    /// The process ids of the executors that have logged a line that begins with `entry`, one for each such line.
    pub(crate) fn executors_that_logged(&self, entry: &str) -> Vec<u32> {
        self.log().into_iter().filter(|(_, line)| line.starts_with(entry)).map(|(id, _)| id).collect()
    }

    /// Waits for such a line. Returns the process id of its executor.
    pub(crate) async fn wait_for(&self, entry: &str) -> u32 {
        eventually(&format!("an executor logs {entry}"), async || {
            !self.executors_that_logged(entry).is_empty()
        })
        .await;
        self.executors_that_logged(entry)[0]
    }

    pub(crate) fn executor(&mut self, id: u32) -> &mut Node {
        self.executors.iter_mut().find(|node| node.child.id() == id).unwrap()
    }

    pub(crate) fn launch(&self, jobs: &mut JoinSet<(String, Result<(), Error>)>, name: &str) {
        let (client, shard, name) = (self.client.clone(), self.shard(name), name.to_owned());
        jobs.spawn(async move { (name, client.run_shard(&shard).await) });
    }
}
