//! The same through an object store, by which alone driver and executors meet.

use harness::{Ended, eventually};

use super::nodes::{Cluster, account, given};
use crate::bucket::store::ObjectStore;

#[test]
fn a_cluster_works_through_a_bucket_and_loses_an_executor() {
    let (given, dir) = (given(), tempfile::tempdir().unwrap());
    let store = ObjectStore::start(dir.path().join("objects"));
    store.ask("PUT", "recs", "");
    let environment = vec![
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", store.port())),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ];
    let mut cluster = Cluster::with(environment.clone());
    let mut run = given.run("s3://recs/site", &cluster.url());
    let driver =
        run.envs(environment.clone()).arg("--work-dir").arg(dir.path().join("work")).spawn().unwrap();
    cluster.wait_until_begun(6);
    let n = cluster.executors[0].begun().len();
    eventually("a shard is begun", || cluster.executors[0].begun().len() > n);
    cluster.executors[0].kill();
    let account = account(&Ended::after(driver));
    assert_eq!(account["content_digest"], given.content_digest.as_str());
    let current = String::from_utf8(store.get("CURRENT")).unwrap();
    assert_eq!(account["generation"], current.trim_end());
    assert!(store.keys("jobs/").is_empty());

    // And ratings that are cut in a bucket, which pass through no driver but for those that are trained on.
    let mut partition = given.partition("s3://recs/ratings");
    let cut = Ended::of(partition.envs(environment.clone()).arg("--work-dir").arg(dir.path().join("work")));
    assert!(cut.status.success(), "{cut:?}");
    let mut run = given.run_on("s3://recs/ratings/", "s3://recs/site", &cluster.url());
    let ended = Ended::of(run.envs(environment).arg("--work-dir").arg(dir.path().join("work")));
    assert_eq!(self::account(&ended)["content_digest"], given.content_digest.as_str());
    assert!(store.keys("jobs/").is_empty());
    let copies = cluster.copies(1);
    assert!(copies.is_empty(), "{copies:?}");
}
