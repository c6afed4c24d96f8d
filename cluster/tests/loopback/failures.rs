//! Processes that die.

use std::time::Duration;

use cluster::Error;
use tokio::task::JoinSet;

use crate::node::{Cluster, Node, TIMEOUT};
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
    let who = cluster.who("user_factors held");
    assert_eq!(who.len(), 2, "both began");
    assert_ne!(who[0], who[1]);
    let done = cluster.who("done held");
    assert_eq!(done.len(), 1, "one ended");
    assert_ne!(done[0], first);
    assert_eq!(read(&cluster.output("held")).num_rows(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_executors_killed_jobs_end_in_an_error() {
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
    // As does one that is submitted afterwards.
    let error = cluster.client.run_shard(&cluster.shard("late")).await.unwrap_err();
    assert!(matches!(error, Error::NoExecutors { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_schedulers_death_jobs_are_submitted_again_to_its_successor() {
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
    cluster.scheduler = Node::scheduler(&address, TIMEOUT);
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
async fn an_executor_that_is_asked_to_end_hands_its_task_on_at_once() {
    // By its farewell alone: its silence would be noticed after an hour.
    let mut cluster = Cluster::patient(2, Duration::from_secs(3600)).await;
    let mut jobs = JoinSet::new();
    cluster.launch(&mut jobs, "held");
    let first = cluster.wait_for("user_factors held").await;
    let ending = cluster.executor(first);
    drop(ending.child.stdin.take());
    ending.child.wait().unwrap();
    cluster.release();
    jobs.join_next().await.unwrap().unwrap().1.unwrap();
    let done = cluster.who("done held");
    assert_eq!(done.len(), 1);
    assert_ne!(done, [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_does_not_end_is_given_up_when_others_have_long_ended() {
    let cluster = Cluster::patient(2, Duration::from_secs(2)).await;
    let mut jobs = JoinSet::new();
    cluster.launch(&mut jobs, "lost");
    let first = cluster.wait_for("user_factors lost").await;
    cluster.client.run_shard(&cluster.shard("short")).await.unwrap();
    let (name, ended) = jobs.join_next().await.unwrap().unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(&error, Error::Transient(problem) if problem.contains("taken for lost")), "{error}");
    cluster.client.run_shard(&cluster.shard(&name)).await.unwrap();
    let done = cluster.who("done lost");
    assert_eq!(done.len(), 1);
    assert_ne!(done, [first]);
}
