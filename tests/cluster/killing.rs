//! Executors, scheduler and driver that are killed while shards are computed.

use std::fs;
use std::path::Path;

use harness::{Ended, eventually, job_generation, shards_done, users_file};
use store::Repository;

use super::nodes::{Cluster, N_SHARDS, test_data};

#[test]
fn a_cluster_computes_the_lists_of_one_machine() {
    let (data, cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let ended = Ended::of(&mut data.run(dir.path().to_str().unwrap(), &cluster.url()));
    let account = ended.json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());
    assert_eq!((&account["counts"]["users"], &account["n_shards"]), (&20_000.into(), &N_SHARDS.into()));
    // Both executors have computed shards, and no shard was computed twice.
    assert!(cluster.executors.iter().all(|executor| executor.begun().len() > 4));
    assert_eq!(cluster.n_begun(), N_SHARDS as usize);
}

#[test]
fn a_shard_whose_executor_is_killed_is_computed_by_another() {
    let (data, mut cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let driver = data.run(dir.path().to_str().unwrap(), &cluster.url()).spawn().unwrap();
    cluster.wait_until_begun(6);
    let lost = cluster.executors[0].kill_while_computing(|shard| has_results(dir.path(), shard));
    let account = Ended::after(driver).json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());
    assert!(cluster.executors[1].begun().contains(&lost), "shard {lost} was not begun again");
}

/// Whether a shard's results exist, in the job or in the generation.
fn has_results(output: &Path, shard: u32) -> bool {
    let id = job_generation(output);
    let results = output.join(format!("jobs/{id}/results/{shard:05}.parquet"));
    results.exists() || users_file(output, &id, shard).exists()
}

#[test]
fn a_run_without_executors_publishes_nothing_and_the_next_run_resumes_its_job() {
    let (data, mut cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    let driver = data.run(output, &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 4);
    cluster.executors.iter_mut().for_each(super::nodes::Node::kill);
    let ended = Ended::after(driver);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("has had no executors") && ended.stderr.contains("run again"), "{ended:?}");
    assert!(!dir.path().join("CURRENT").exists());

    let n_missing = N_SHARDS as usize - shards_done(dir.path()).len();
    cluster.add_executor();
    cluster.add_executor();
    let ended = Ended::of(&mut data.run(output, &cluster.url()));
    assert_eq!(ended.json()["content_digest"], data.content_digest.as_str());
    // The scheduler may still have the tasks of the first run. The second run submits the missing shards only.
    assert!(ended.stderr.contains(&format!("\"n_missing\":{n_missing}")), "{n_missing} missing: {ended:?}");
}

#[test]
fn late_tasks_of_a_failed_run_do_not_change_a_published_generation() {
    let (data, mut cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    cluster.executors.iter_mut().for_each(super::nodes::Node::kill);
    assert_eq!(Ended::of(&mut data.run(output, &cluster.url())).status.code(), Some(1));
    let account = Ended::of(&mut data.run(output, "local")).json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());

    // New executors receive the tasks of the first run, whose job has ended.
    cluster.add_executor();
    let id = account["generation"].as_str().unwrap();
    let results = dir.path().join("jobs").join(id).join("results");
    let n_results = || fs::read_dir(&results).map_or(0, Iterator::count);
    eventually("all tasks have ended", || n_results() == N_SHARDS as usize);
    let repository = Repository::in_directory(dir.path());
    repository.open_generation(&id.parse().unwrap(), &dir.path().join("copies"), 1 << 20).unwrap();
}

#[test]
fn a_restarted_scheduler_receives_the_remaining_shards() {
    let (data, mut cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let driver = data.run(dir.path().to_str().unwrap(), &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 4);
    cluster.restart_scheduler();
    let account = Ended::after(driver).json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());
}

#[test]
fn the_run_after_a_killed_driver_computes_only_the_missing_shards() {
    let (data, cluster, dir) = (test_data(), Cluster::start(), tempfile::tempdir().unwrap());
    let output = dir.path().to_str().unwrap();
    let mut driver = data.run(output, &cluster.url()).spawn().unwrap();
    eventually("some shards are done", || shards_done(dir.path()).len() >= 6);
    driver.kill().unwrap();
    driver.wait().unwrap();
    let (receipts, begun) =
        (shards_done(dir.path()), cluster.executors.iter().map(|e| e.begun()).collect::<Vec<_>>());
    assert!(!dir.path().join("CURRENT").exists());

    let account = Ended::of(&mut data.run(output, &cluster.url())).json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());
    for (executor, begun) in cluster.executors.iter().zip(begun) {
        for shard in &executor.begun()[begun.len()..] {
            assert!(!receipts.contains(&format!("{shard:05}.json")), "shard {shard} had a receipt");
        }
    }
}
