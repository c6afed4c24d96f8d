//! Killed and stopped processes.

use std::time::Duration;

use cluster::Error;
use tokio::task::JoinSet;

use crate::node::{Cluster, EXECUTOR_TIMEOUT, Node};
use crate::users::read;

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_whose_executor_is_killed_is_computed_by_the_other() {
    let mut cluster = Cluster::start(2).await;
    let mut jobs = JoinSet::new();
    cluster.launch(&mut jobs, "held");
    let first = cluster.wait_for("user_factors held").await;
    cluster.executor(first).kill();
    cluster.release();
    jobs.join_next().await.unwrap().unwrap().1.unwrap();
    let executors = cluster.executors_that_logged("user_factors held");
    assert_eq!(executors.len(), 2, "both executors began");
    assert_ne!(executors[0], executors[1]);
    let done = cluster.executors_that_logged("done held");
    assert_eq!(done.len(), 1, "one executor ended it");
    assert_ne!(done[0], first);
    assert_eq!(read(&cluster.output("held")).num_rows(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_fail_if_all_executors_are_killed() {
    let mut cluster = Cluster::start(2).await;
    let mut jobs = JoinSet::new();
    for i in 0..3 {
        cluster.launch(&mut jobs, &format!("held-{i}"));
    }
    cluster.wait_for("user_factors").await;
    for node in &mut cluster.executors {
        node.kill();
    }
    while let Some(ended) = jobs.join_next().await {
        let error = ended.unwrap().1.unwrap_err();
        assert!(matches!(error, Error::NoExecutors { .. } | Error::Transient(_)), "{error}");
    }
    // A job that is submitted afterwards fails too.
    let error = cluster.client.run_shard(&cluster.shard("late")).await.unwrap_err();
    assert!(matches!(error, Error::NoExecutors { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_killed_scheduler_are_submitted_again_to_a_new_one() {
    let mut cluster = Cluster::start(2).await;
    let address = cluster.scheduler.address.clone();
    let mut jobs = JoinSet::new();
    for i in 0..4 {
        cluster.launch(&mut jobs, &format!("held-{i}"));
    }
    cluster.wait_for("user_factors").await;
    cluster.scheduler.kill();
    let mut again = Vec::new();
    while let Some(ended) = jobs.join_next().await {
        let (name, ended) = ended.unwrap();
        let error = ended.unwrap_err();
        assert!(matches!(error, Error::Transient(_)), "{error}");
        again.push(name);
    }
    let gone = cluster.client.has_executors().await.unwrap_err();
    assert!(matches!(gone, Error::Transient(_)), "{gone}");

    assert_eq!(again.len(), 4);
    cluster.release();
    cluster.scheduler = Node::scheduler(&address, EXECUTOR_TIMEOUT);
    for name in &again {
        cluster.launch(&mut jobs, name);
    }
    while let Some(ended) = jobs.join_next().await {
        let (name, ended) = ended.unwrap();
        ended.unwrap();
        assert_eq!(read(&cluster.output(&name)).num_rows(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_of_a_stopped_executor_is_assigned_to_another_at_once() {
    // The executor reports its stop; without that, the scheduler would miss it after an hour.
    let mut cluster = Cluster::start_without_executor_timeout(2, Duration::from_secs(3600)).await;
    let mut jobs = JoinSet::new();
    cluster.launch(&mut jobs, "held");
    let first = cluster.wait_for("user_factors held").await;
    let ending = cluster.executor(first);
    drop(ending.child.stdin.take());
    ending.child.wait().unwrap();
    cluster.release();
    jobs.join_next().await.unwrap().unwrap().1.unwrap();
    let done = cluster.executors_that_logged("done held");
    assert_eq!(done.len(), 1);
    assert_ne!(done, [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_does_not_end_is_taken_for_lost_after_others_have_ended() {
    let cluster = Cluster::start_without_executor_timeout(2, Duration::from_secs(2)).await;
    let mut jobs = JoinSet::new();
    cluster.launch(&mut jobs, "lost");
    let first = cluster.wait_for("user_factors lost").await;
    cluster.client.run_shard(&cluster.shard("short")).await.unwrap();
    let (name, ended) = jobs.join_next().await.unwrap().unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(&error, Error::Transient(problem) if problem.contains("taken for lost")), "{error}");
    cluster.client.run_shard(&cluster.shard(&name)).await.unwrap();
    let done = cluster.executors_that_logged("done lost");
    assert_eq!(done.len(), 1);
    assert_ne!(done, [first]);
}
