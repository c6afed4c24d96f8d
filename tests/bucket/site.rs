//! A bucket and the programs that use it.

use std::fs;
use std::process::{Command, Stdio};

use harness::{Ended, SMALL_MODEL, Server, World, program, sample};
use serde_json::Value;

use super::road::Road;
use super::store::{Credentials, ObjectStore};
use crate::crashes::while_asking;

/// The location of the generations.
pub(crate) const LOCATION: &str = "s3://recs/site";

/// A bucket, and the roads to it: one for pipelines, one for servers.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) store: ObjectStore,
    pub(crate) pipelines: Road,
    pub(crate) servers: Road,
}

impl Site {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let store = ObjectStore::start(world.path("objects"));
        store.ask("PUT", "recs", "");
        let (pipelines, servers) = (Road::to(store.port()), Road::to(store.port()));
        Self { world, store, pipelines, servers }
    }

    /// Kills the object store and closes the roads to it.
    pub(crate) fn kill_store(&mut self) {
        self.store.kill();
        self.pipelines.close();
        self.servers.close();
    }

    pub(crate) fn restart_store(&mut self) {
        self.store.restart();
        self.pipelines.open(self.store.port());
        self.servers.open(self.store.port());
    }

    /// The pipeline with a command on the bucket.
    pub(crate) fn pipeline(&self, command: &str) -> Command {
        self.pipeline_on(LOCATION, command)
    }

    pub(crate) fn pipeline_on(&self, location: &str, command: &str) -> Command {
        let mut pipeline = program("pipeline");
        pipeline.args([command, "--output", location]).arg("--work-dir").arg(self.world.path("sending"));
        pipeline.current_dir(sample("../..")).stdout(Stdio::piped()).stderr(Stdio::piped());
        by(&mut pipeline, &self.pipelines);
        pipeline
    }

    /// A run on the sample that makes a generation whatever there is already: see [`SMALL_MODEL`].
    pub(crate) fn another_run(&self, args: &[&str]) -> Command {
        let mut run = self.pipeline("run");
        run.args(SMALL_MODEL).args(["--always", "--json"]).args(args);
        run
    }

    /// Such a run, which must succeed: the generation.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        generation(&Ended::of(&mut self.another_run(args)))
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn prints(&self, command: &str, args: &[&str]) -> String {
        let ended = Ended::of(self.pipeline(command).args(args));
        assert!(ended.status.success(), "{ended:?}");
        ended.stdout
    }

    pub(crate) fn json(&self, command: &str, args: &[&str]) -> Value {
        serde_json::from_str(&self.prints(command, &[args, &["--json"]].concat())).unwrap()
    }

    /// All generations and what became of them, the newest first.
    pub(crate) fn states(&self) -> Vec<(String, String)> {
        let list = self.json("generations", &[]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(|entry| (text(&entry["id"]), text(&entry["state"]))).collect()
    }

    /// The generation that `CURRENT` names.
    pub(crate) fn current(&self) -> String {
        String::from_utf8(self.store.get("CURRENT")).unwrap().lines().next().unwrap().to_owned()
    }

    /// A server on the bucket.
    pub(crate) fn server(&self) -> Command {
        self.server_on(LOCATION)
    }

    pub(crate) fn server_on(&self, location: &str) -> Command {
        let mut server = program("server");
        server.args(["--store", location, "--listen", "127.0.0.1:0", "--poll-interval", "50ms"]);
        // Few enough for every limit on open files: a server warns otherwise.
        server.args(["--max-connections", "500"]).arg("--work-dir").arg(self.world.path("work"));
        by(&mut server, &self.servers);
        server
    }

    /// A server on the bucket that answers from a generation.
    pub(crate) fn serve(&self) -> Server {
        let server = Server::start(&mut self.server());
        server.wait_until_ready(None);
        server
    }
}

/// The generation that a run has made, which must have succeeded.
pub(crate) fn generation(ended: &Ended) -> String {
    assert!(ended.status.success(), "{ended:?}");
    let account: Value = serde_json::from_str(&ended.stdout).unwrap();
    account["generation"].as_str().unwrap().to_owned()
}

/// Sends a program by a road, with credentials that are not checked.
pub(crate) fn by(command: &mut Command, road: &Road) {
    let any = Credentials { id: "any".to_owned(), secret: "any".to_owned() };
    any.to(command).env("AWS_REGION", "us-east-1").env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", road.port()));
}

/// Asks two servers all the time while something happens.
pub(crate) fn while_asking_both<T>(servers: &[Server; 2], happens: impl FnOnce() -> T) -> T {
    while_asking(&servers[0], || while_asking(&servers[1], happens))
}

/// The number of working copies.
pub(crate) fn n_copies(site: &Site, dir: &str) -> usize {
    fs::read_dir(site.world.path(dir)).unwrap().count()
}
