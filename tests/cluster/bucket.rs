//! A cluster whose driver and executors share a bucket and no directory.

use harness::{Ended, eventually};

use super::nodes::{Cluster, test_data};
use crate::bucket::store::ObjectStore;

#[test]
fn a_cluster_computes_through_a_bucket_and_after_the_loss_of_an_executor() {
    let (data, dir) = (test_data(), tempfile::tempdir().unwrap());
    let store = ObjectStore::start(dir.path().join("objects"));
    store.request("PUT", "recs", "");
    let environment = vec![
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", store.port())),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ];
    let mut cluster = Cluster::with(environment.clone());
    let mut run = data.run("s3://recs/site", &cluster.url());
    let driver =
        run.envs(environment.clone()).arg("--work-dir").arg(dir.path().join("work")).spawn().unwrap();
    cluster.wait_until_begun(6);
    let n = cluster.executors[0].begun().len();
    eventually("the executor has begun another shard", || cluster.executors[0].begun().len() > n);
    cluster.executors[0].kill();
    let account = Ended::after(driver).json();
    assert_eq!(account["content_digest"], data.content_digest.as_str());
    let current = String::from_utf8(store.get("CURRENT")).unwrap();
    assert_eq!(account["generation"], current.trim_end());
    assert!(store.keys("jobs/").is_empty());

    // A run on ratings that are partitioned in the bucket. The driver reads only the shards that are trained on.
    let mut partition = data.partition("s3://recs/ratings");
    let partition = partition.envs(environment.clone()).arg("--work-dir").arg(dir.path().join("work"));
    Ended::of(partition).assert_success();
    let mut run = data.run_on("s3://recs/ratings/", "s3://recs/site", &cluster.url());
    let ended = Ended::of(run.envs(environment).arg("--work-dir").arg(dir.path().join("work")));
    assert_eq!(ended.json()["content_digest"], data.content_digest.as_str());
    assert!(store.keys("jobs/").is_empty());
    let copies = cluster.copies(1);
    assert!(copies.is_empty(), "{copies:?}");
}
