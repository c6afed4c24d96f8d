//! An object store with a bucket, and the programs that use it.

use std::fs;
use std::process::{Command, Stdio};

use harness::{Ended, SMALL_MODEL, Server, World, program, sample};
use serde_json::Value;

use super::proxy::Proxy;
use super::store::{Credentials, ObjectStore};
use crate::crashes::while_requesting;

/// The location of the generations.
pub(crate) const LOCATION: &str = "s3://recs/site";

/// An object store with a bucket, and two proxies to it: one for pipelines, one for servers.
pub(crate) struct Deployment {
    pub(crate) world: World,
    pub(crate) store: ObjectStore,
    pub(crate) pipelines: Proxy,
    pub(crate) servers: Proxy,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let store = ObjectStore::start(world.path("objects"));
        store.request("PUT", "recs", "");
        let (pipelines, servers) = (Proxy::to(store.port()), Proxy::to(store.port()));
        Self { world, store, pipelines, servers }
    }

    /// A deployment with a published generation and a server that has opened it; the generation and its list of a user.
    pub(crate) fn with_server() -> (Self, Server, String, String) {
        let deployment = Self::new();
        let generation = deployment.run(&[]);
        let server = deployment.serve();
        let list = server.list_of(&generation);
        (deployment, server, generation, list)
    }

    /// Kills the object store and closes the proxies.
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

    /// A command of the pipeline on the bucket.
    pub(crate) fn pipeline(&self, command: &str) -> Command {
        self.pipeline_on(LOCATION, command)
    }

    pub(crate) fn pipeline_on(&self, location: &str, command: &str) -> Command {
        let mut pipeline = program("pipeline");
        pipeline.args([command, "--output", location]).arg("--work-dir").arg(self.world.path("sending"));
        pipeline.current_dir(sample("../..")).stdout(Stdio::piped()).stderr(Stdio::piped());
        connect_through(&mut pipeline, &self.pipelines);
        pipeline
    }

    /// A run on the sample with a [`SMALL_MODEL`] that makes a generation even if nothing has changed.
    pub(crate) fn run_always(&self, args: &[&str]) -> Command {
        let mut run = self.pipeline("run");
        run.args(SMALL_MODEL).args(["--always", "--json"]).args(args);
        run
    }

    /// Runs it, which must succeed. Returns the generation.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        generation(&Ended::of(&mut self.run_always(args)))
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn prints(&self, command: &str, args: &[&str]) -> String {
        Ended::of(self.pipeline(command).args(args)).assert_success().stdout
    }

    pub(crate) fn json(&self, command: &str, args: &[&str]) -> Value {
        Ended::of(self.pipeline(command).args(args).arg("--json")).json()
    }

    /// The ids and states of all generations, the newest first.
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
        // Below every usual limit on open files, so that the server logs no warning.
        server.args(["--max-connections", "500"]).arg("--work-dir").arg(self.world.path("work"));
        connect_through(&mut server, &self.servers);
        server
    }

    /// Starts a server on the bucket and waits until it has opened a generation.
    pub(crate) fn serve(&self) -> Server {
        let server = Server::start(&mut self.server());
        server.wait_until_ready(None);
        server
    }
}

/// The generation of a run, which must have succeeded.
pub(crate) fn generation(ended: &Ended) -> String {
    ended.json()["generation"].as_str().unwrap().to_owned()
}

/// Makes a program connect through a proxy, with credentials that are not checked.
pub(crate) fn connect_through(command: &mut Command, proxy: &Proxy) {
    let any = Credentials { id: "any".to_owned(), secret: "any".to_owned() };
    any.to(command).env("AWS_REGION", "us-east-1").env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", proxy.port()));
}

/// Calls [`while_requesting`] with two servers.
pub(crate) fn while_requesting_from_both<T>(servers: &[Server; 2], act: impl FnOnce() -> T) -> T {
    while_requesting(&servers[0], || while_requesting(&servers[1], act))
}

/// The number of copies of generations in a work directory.
pub(crate) fn n_copies(deployment: &Deployment, dir: &str) -> usize {
    fs::read_dir(deployment.world.path(dir)).unwrap().count()
}
