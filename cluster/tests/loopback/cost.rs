//! What the way over a cluster costs.

use std::time::{Duration, Instant};

use cluster::Error;
use tokio::task::JoinSet;

use crate::node::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_costs_little_more_than_its_computations() {
    let cluster = Cluster::start(2).await;
    // The first job pays for connections.
    cluster.client.run_shard(&cluster.shard("first", 0)).await.unwrap();
    let mut alone = Vec::new();
    for i in 0..20 {
        let shard = cluster.shard(&format!("e{i}"), 0);
        let began = Instant::now();
        cluster.client.run_shard(&shard).await.unwrap();
        alone.push(began.elapsed());
    }
    alone.sort_unstable();
    let began = Instant::now();
    for _ in 0..20 {
        cluster.client.check("e0 0 nowhere").await.unwrap();
    }
    eprintln!(
        "an empty job takes {:?} (median), {:?} at most; a check {:?}",
        alone[10],
        alone[19],
        began.elapsed() / 20
    );

    let began = Instant::now();
    let mut jobs: JoinSet<Result<String, Error>> = JoinSet::new();
    let mut n_done = 0;
    for i in 0..32 {
        let (client, shard) = (cluster.client.clone(), cluster.shard(&format!("s{i}"), 300));
        jobs.spawn(async move {
            client.run_shard(&shard).await?;
            client.check(&shard.reference).await
        });
        if jobs.len() >= 6 {
            jobs.join_next().await.unwrap().unwrap().unwrap();
            n_done += 1;
        }
    }
    while let Some(ended) = jobs.join_next().await {
        ended.unwrap().unwrap();
        n_done += 1;
    }
    assert_eq!(n_done, 32);
    let pure = Duration::from_millis(300) * 16;
    let ratio = began.elapsed().as_secs_f64() / pure.as_secs_f64();
    eprintln!(
        "32 shards of 0.3 s and their checks on 2 slots take {:?}, {ratio:.2} of {pure:?}",
        began.elapsed()
    );
    assert!(ratio < 1.3, "{ratio}");
}
