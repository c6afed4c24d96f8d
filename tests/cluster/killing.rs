//! Executors, scheduler and driver killed while shards are computed.

use std::fs;
use std::path::Path;

use harness::{Ended, eventually, in_the_making, shards_done, users_file};
use store::Repository;

use super::nodes::{Cluster, N_SHARDS, account, given};

#[test]
fn lists_of_a_cluster_are_those_of_one_machine() {
    let (given, cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let ended = Ended::of(&mut given.run(dir.path().to_str().unwrap(), &cluster.url()));
    let account = account(&ended);
    assert_eq!(account["content_digest"], given.content_digest.as_str());
    assert_eq!((&account["counts"]["users"], &account["n_shards"]), (&20_000.into(), &N_SHARDS.into()));
    // Both have worked, and no shard was computed twice.
    assert!(cluster.executors.iter().all(|executor| executor.begun().len() > 4));
    assert_eq!(cluster.n_begun(), N_SHARDS as usize);
}

#[test]
fn a_shard_whose_executor_is_killed_is_computed_by_another() {
    let (given, mut cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let driver = given.run(dir.path().to_str().unwrap(), &cluster.url()).spawn().unwrap();
    cluster.wait_until_begun(6);
    let lost = cluster.executors[0].kill_at_work(|shard| has_left(dir.path(), shard));
    let account = account(&Ended::after(driver));
    assert_eq!(account["content_digest"], given.content_digest.as_str());
    assert!(cluster.executors[1].begun().contains(&lost), "shard {lost} was not begun again");
}

/// Whether a shard's results exist, in the job or in the generation.
fn has_left(output: &Path, shard: u32) -> bool {
    let id = in_the_making(output);
    let left = output.join(format!("jobs/{id}/results/{shard:05}.parquet"));
    left.exists() || users_file(output, &id, shard).exists()
}

#[test]
fn without_executors_nothing_is_published_and_the_next_run_goes_on() {
    let (given, mut cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    let driver = given.run(output, &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 4);
    cluster.executors.iter_mut().for_each(super::nodes::Node::kill);
    let ended = Ended::after(driver);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("has had no executors") && ended.stderr.contains("run again"), "{ended:?}");
    assert!(!dir.path().join("CURRENT").exists());

    let n_missing = N_SHARDS as usize - shards_done(dir.path()).len();
    cluster.add_executor();
    cluster.add_executor();
    let ended = Ended::of(&mut given.run(output, &cluster.url()));
    assert_eq!(account(&ended)["content_digest"], given.content_digest.as_str());
    // The scheduler may still hold what the first run has handed out; this one hands out what is missing.
    assert!(ended.stderr.contains(&format!("\"n_missing\":{n_missing}")), "{n_missing} missing: {ended:?}");
}

#[test]
fn what_a_failed_run_has_handed_out_touches_nothing_of_what_another_has_published() {
    let (given, mut cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    cluster.executors.iter_mut().for_each(super::nodes::Node::kill);
    assert_eq!(Ended::of(&mut given.run(output, &cluster.url())).status.code(), Some(1));
    let account = account(&Ended::of(&mut given.run(output, "local")));
    assert_eq!(account["content_digest"], given.content_digest.as_str());

    // Executors that come now receive the orders of the first run, whose job has ended.
    cluster.add_executor();
    let id = account["generation"].as_str().unwrap();
    let left = dir.path().join("jobs").join(id).join("results");
    let n_left = || fs::read_dir(&left).map_or(0, Iterator::count);
    eventually("all orders have come to an end", || n_left() == N_SHARDS as usize);
    let repository = Repository::in_directory(dir.path());
    repository.open_generation(&id.parse().unwrap(), &dir.path().join("copies"), 1 << 20).unwrap();
}

#[test]
fn a_scheduler_that_is_killed_and_started_again_is_given_the_rest() {
    let (given, mut cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let driver = given.run(dir.path().to_str().unwrap(), &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 4);
    cluster.restart_scheduler();
    let account = account(&Ended::after(driver));
    assert_eq!(account["content_digest"], given.content_digest.as_str());
}

#[test]
fn after_a_driver_that_was_killed_only_missing_shards_are_computed() {
    let (given, cluster, dir) = (given(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    let mut driver = given.run(output, &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 6);
    driver.kill().unwrap();
    driver.wait().unwrap();
    let (before, begun) =
        (shards_done(dir.path()), cluster.executors.iter().map(|e| e.begun()).collect::<Vec<_>>());
    assert!(!dir.path().join("CURRENT").exists());

    let account = account(&Ended::of(&mut given.run(output, &cluster.url())));
    assert_eq!(account["content_digest"], given.content_digest.as_str());
    for (executor, begun) in cluster.executors.iter().zip(begun) {
        for shard in &executor.begun()[begun.len()..] {
            assert!(!before.contains(&format!("{shard:05}.json")), "shard {shard} was done already");
        }
    }
}
