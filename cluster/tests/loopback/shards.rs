//! Shards of another writer, and errors of kernels.

use cluster::Error;
use url::Url;

use crate::node::Cluster;
use crate::users::{n_rows, numbers, read, write_users};

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_signed_numbers_are_converted() {
    let cluster = Cluster::start(1).await;
    let shard = cluster.shard("spark");
    write_users(&shard.input.to_file_path().unwrap(), true);
    cluster.client.run_shard(&shard).await.unwrap();
    assert_eq!(numbers(read(&cluster.output("spark")).column(3), 0), [6.0, 0.0, 7.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_error_of_a_kernel_is_final_and_a_transient_one_is_repeated() {
    let cluster = Cluster::start(1).await;
    let refused = cluster.client.run_shard(&cluster.shard("refused")).await.unwrap_err();
    assert!(matches!(&refused, Error::Fatal(text) if text.contains("no such model")), "{refused}");
    assert_eq!(cluster.executors_that_logged("user_factors refused").len(), 1);
    // DataFusion closes the file also after an error, so the output exists and is empty.
    assert_eq!(n_rows(&cluster.output("refused")), 0);

    cluster.client.run_shard(&cluster.shard("shaky")).await.unwrap();
    assert_eq!(cluster.executors_that_logged("user_factors shaky").len(), 3);

    let mut absent = cluster.shard("absent");
    std::fs::remove_file(absent.input.to_file_path().unwrap()).unwrap();
    let error = cluster.client.run_shard(&absent).await.unwrap_err();
    assert!(matches!(error, Error::Fatal(_)), "{error}");
    absent.input = Url::parse("gopher://there/in.parquet").unwrap();
    assert!(matches!(cluster.client.run_shard(&absent).await.unwrap_err(), Error::Fatal(_)));
}
