//! The cost of a cluster: the shards of a run by two executors of one slot, beside the same by one process with two
//! threads. The arguments are the number of users, then numbers of shards.
//!
//! ```text
//! cargo build --release -p pipeline --features cluster && mkdir -p target/cluster && cp target/release/pipeline target/cluster
//! RECOMMENDER_TEST_CLUSTER=target/cluster/pipeline cargo bench -p end-to-end --bench cluster -- 200000 32 128 512
//! ```

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

#[path = "../cluster/nodes.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod nodes;

use std::path::Path;
use std::process::Stdio;

use harness::Ended;
use nodes::{Cluster, pipeline};
use serde_json::Value;

/// Options of a short training. The model has its full size, so factors and lists of users take their usual time.
const MODEL: [&str; 5] =
    ["--test-fraction=0", "--epochs=2", "--rating-sweeps=2", "--no-report", "--threads=2"];

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let (n_users, n_shards) =
        numbers.split_first().map_or((200_000, [32].as_slice()), |(n, rest)| (*n, rest));
    let dir = tempfile::tempdir().unwrap();
    let users = n_users.to_string();
    let mut sample = pipeline(&["sample", "--users", &users, "--movies", "10000", "--seed", "1"]);
    sample.arg("--ratings").arg((30 * n_users).to_string()).arg("--out").arg(dir.path());
    assert!(sample.stdout(Stdio::null()).status().unwrap().success());
    let cluster = Cluster::start();
    println!("{n_users} users; seconds of the shards, and of the whole run");
    for n_shards in n_shards {
        let local = run(dir.path(), *n_shards, "local");
        let remote = run(dir.path(), *n_shards, &cluster.url());
        assert_eq!(local["content_digest"], remote["content_digest"]);
        let seconds = |account: &Value| {
            let phases = account["phases"].as_object().unwrap();
            let of = |phase: &Value| phase["seconds"].as_f64().unwrap();
            (of(&phases["score"]), phases.values().map(of).sum::<f64>())
        };
        let ((local, local_all), (remote, remote_all)) = (seconds(&local), seconds(&remote));
        println!(
            "{n_shards:>5} shards: local {local:.2} of {local_all:.2}, cluster {remote:.2} of {remote_all:.2}; \
             {:.2} and {:.2} times",
            remote / local,
            remote_all / local_all
        );
    }
}

fn run(dir: &Path, n_shards: u32, engine: &str) -> Value {
    let output = dir.join("output");
    let _ = std::fs::remove_dir_all(&output);
    let mut run = pipeline(&["run", "--json", "--engine", engine, "--shards", &n_shards.to_string()]);
    run.args(MODEL).arg("--output").arg(&output).arg("--ratings").arg(dir.join("ratings.csv"));
    Ended::of(run.arg("--movies").arg(dir.join("movies.csv"))).json()
}
