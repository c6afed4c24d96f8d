//! A directory for one test, and the runs and servers in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use store::reader::OpenGeneration;
use store::{GenerationId, Repository};
use tempfile::TempDir;

use crate::{Ended, Server, program};

/// Options of a run with a small model that is not evaluated.
pub const SMALL_MODEL: [&str; 7] =
    ["--test-fraction=0", "--factors", "16", "--epochs", "2", "--rating-sweeps", "2"];

/// Options of a run with a small model that is evaluated, and good enough for the gate to notice a worse one.
pub const MEASURED: [&str; 6] = ["--factors", "32", "--epochs", "6", "--rating-sweeps", "6"];
/// The path of a request for a user's list.
pub const LIST: &str = "/recommendations?user_id=18&n=50";

/// A directory for one test, removed when it is dropped.
#[derive(Debug)]
pub struct World {
    dir: TempDir,
}

impl World {
    /// An empty directory.
    #[allow(clippy::new_without_default, reason = "it creates a directory")]
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The path of a name in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The output directory of this world's runs, the store of its servers.
    pub fn output(&self) -> PathBuf {
        self.path("output")
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs the pipeline on the committed sample. It must succeed. Returns its account.
    pub fn run_sample(&self, args: &[&str]) -> Value {
        self.run(&sample("ratings.csv"), &sample("movies.csv"), args)
    }

    /// [`World::run_sample`] with a [`SMALL_MODEL`].
    pub fn run_quickly(&self, args: &[&str]) -> Value {
        self.run_sample(&[&SMALL_MODEL, args].concat())
    }

    /// Runs the pipeline on two files. It must succeed. Returns its account.
    pub fn run(&self, ratings: &Path, movies: &Path, args: &[&str]) -> Value {
        Ended::of(self.run_command(ratings, movies).arg("--json").args(args)).json()
    }

    /// The command of a run on two files.
    pub fn run_command(&self, ratings: &Path, movies: &Path) -> Command {
        let mut command = self.pipeline("run");
        command.arg("--ratings").arg(ratings).arg("--movies").arg(movies);
        command
    }

    /// A command of the pipeline on this world's output.
    pub fn pipeline(&self, command: &str) -> Command {
        let mut pipeline = program("pipeline");
        pipeline.arg(command).arg("--output").arg(self.output());
        pipeline
    }

    /// The repository in the output directory.
    pub fn repository(&self) -> Repository {
        Repository::in_directory(&self.output())
    }

    /// The id of the published generation, which must exist.
    pub fn current(&self) -> GenerationId {
        self.repository().current().unwrap().unwrap()
    }

    /// Publishes a generation of the output directory.
    pub fn publish(&self, id: &GenerationId) {
        let repository = self.repository();
        repository.publish(id, &repository.pointer().unwrap()).unwrap();
    }

    /// Opens the published generation as a server does.
    pub fn open_current(&self) -> OpenGeneration {
        self.open(&self.current())
    }

    /// Opens a generation as a server does.
    pub fn open(&self, id: &GenerationId) -> OpenGeneration {
        self.repository().open_generation(id, &self.path("copies"), 64 << 20).unwrap()
    }

    /// Starts a server on this world's output.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts a server on this world's output with further arguments.
    pub fn serve_with(&self, args: &[&str]) -> Server {
        let mut command = program("server");
        command.arg("--store").arg(self.output()).args(["--listen", "127.0.0.1:0"]);
        command.args(["--poll-interval", "10ms"]).arg("--work-dir").arg(self.path("work"));
        Server::start(command.args(args))
    }

    /// Starts a server on this world's output and waits until it has opened a generation.
    pub fn serve_when_ready(&self) -> Server {
        let server = self.serve();
        server.wait_until_ready(None);
        server
    }
}

/// The id of the generation of the only job in an output directory.
pub fn job_generation(output: &Path) -> GenerationId {
    let job = fs::read_dir(output.join("jobs")).unwrap().next().unwrap().unwrap();
    job.file_name().to_string_lossy().parse().unwrap()
}

/// The path of a shard's results in a generation.
pub fn users_file(output: &Path, id: &GenerationId, shard: u32) -> PathBuf {
    output.join(format!("generations/{id}/users/{shard:05}.parquet"))
}

/// The names of the receipts of all jobs in an output directory.
pub fn shards_done(output: &Path) -> BTreeSet<String> {
    let entries = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    let done = |job: fs::DirEntry| entries(&job.path().join("done")).collect::<Vec<_>>();
    let names = entries(&output.join("jobs")).flat_map(done).map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".json")).collect()
}

/// The path of a file of the committed sample.
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/sample").join(name)
}
