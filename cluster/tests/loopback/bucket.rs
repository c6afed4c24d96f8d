//! Shards in a bucket of moto, a store that speaks S3: `RECOMMENDER_TEST_S3` says which program that is.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use cluster::ShardJob;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, PutPayload};
use url::Url;

use crate::node::Cluster;
use crate::users::{numbers, read, write_users};

struct Moto(Child);

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes a bucket, which a program of ours never does.
fn make_bucket(address: &str) {
    for _ in 0..200 {
        std::thread::sleep(Duration::from_millis(100));
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        let request = format!(
            "PUT /users HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        return;
    }
    panic!("moto does not answer");
}

#[test]
fn shards_in_a_bucket_are_computed_too() {
    let program = std::env::var("RECOMMENDER_TEST_S3").unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = address.port().to_string();
    let _moto = Moto(Command::new(program).args(["-H", "127.0.0.1", "-p", &port]).spawn().unwrap());
    make_bucket(&address.to_string());
    // The test below, in a process that finds the store in its environment.
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "bucket::inside_the_environment"])
        .env("AWS_ENDPOINT", format!("http://{address}"))
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "nothing")
        .env("AWS_REGION", "us-east-1")
        .status();
    assert!(ended.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test above"]
async fn inside_the_environment() {
    let mut cluster = Cluster::start(2).await;
    let store = AmazonS3Builder::from_env().with_bucket_name("users").with_allow_http(true).build().unwrap();
    let local = cluster.folder.path().join("in.parquet");
    write_users(&local, false);
    let content = PutPayload::from(std::fs::read(&local).unwrap());
    let shard = |name: &str, milliseconds: u64| ShardJob {
        input: Url::parse("s3://users/run/in.parquet").unwrap(),
        output: Url::parse(&format!("s3://users/run/{name}.parquet")).unwrap(),
        reference: format!("{name} {milliseconds} nowhere"),
    };
    store.put(&Key::from("run/in.parquet"), content).await.unwrap();
    cluster.client.run_shard(&shard("short", 0)).await.unwrap();

    let (client, long) = (cluster.client.clone(), shard("long", 3000));
    let job = tokio::spawn(async move { client.run_shard(&long).await });
    let first = cluster.wait_for("user_factors long").await;
    cluster.executor(first).kill();
    job.await.unwrap().unwrap();
    assert_ne!(cluster.who("done long"), [first]);

    for name in ["short", "long"] {
        let found =
            store.get(&Key::from(format!("run/{name}.parquet"))).await.unwrap().bytes().await.unwrap();
        let file = cluster.folder.path().join(name);
        std::fs::write(&file, found).unwrap();
        assert_eq!(numbers(read(&file).column(3), 0), [6.0, 0.0, 7.0]);
    }
}
