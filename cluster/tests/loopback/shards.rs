//! What becomes of shards where all goes well, and where kernels do not.

use cluster::Error;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::UInt32Type;
use tokio::task::JoinSet;
use url::Url;

use crate::node::Cluster;
use crate::users::{n_rows, numbers, read, write_users};

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_computed_by_both_executors_once_each_and_written_as_one_file() {
    let cluster = Cluster::start(2).await;
    let mut jobs = JoinSet::new();
    for i in 0..8 {
        cluster.launch(&mut jobs, &format!("s{i}"), 200);
    }
    while let Some(ended) = jobs.join_next().await {
        let (name, ended) = ended.unwrap();
        ended.unwrap();
        let batch = read(&cluster.output(&name));
        let names: Vec<_> = batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["user_id", "movies", "ratings", "factors", "top_n"]);
        assert_eq!(numbers(batch.column(3), 0), [6.0, 0.0, 7.0]);
        assert_eq!(numbers(batch.column(3), 1), [1.5, 0.0, 0.5]);
        let movies = batch.column(4).as_struct().column(0).as_list::<i32>().values();
        assert_eq!(movies.as_primitive::<UInt32Type>().values(), &[4, 0, 8]);
        assert_eq!(numbers(batch.column(4), 1), [6.0, 0.0, 7.0]);
        assert_eq!(cluster.who(&format!("user_factors {name} 3")).len(), 1, "{:?}", cluster.diary());
        assert_eq!(cluster.who(&format!("top_n {name}")).len(), 1);
    }
    let mut who = cluster.who("user_factors");
    who.sort_unstable();
    who.dedup();
    assert_eq!(who.len(), 2);
    // Nothing half-written is left beside the eight.
    let outputs = std::fs::read_dir(cluster.folder.path()).unwrap();
    assert_eq!(
        outputs.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("out-")).count(),
        8
    );

    let found = cluster.client.check(&cluster.shard("s3", 0).reference).await.unwrap();
    let by = cluster.who("check s3");
    assert_eq!(by.len(), 1, "a check is made on an executor, and once");
    let size = std::fs::metadata(cluster.output("s3")).unwrap().len();
    assert_eq!(found, format!("s3 of process {} is {size} bytes", by[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_signed_numbers_are_converted() {
    let cluster = Cluster::start(1).await;
    let shard = cluster.shard("spark", 0);
    write_users(&shard.input.to_file_path().unwrap(), true);
    cluster.client.run_shard(&shard).await.unwrap();
    assert_eq!(numbers(read(&cluster.output("spark")).column(3), 0), [6.0, 0.0, 7.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kernels_refuse_fails_at_once_and_what_may_pass_is_repeated() {
    let cluster = Cluster::start(1).await;
    let refused = cluster.client.run_shard(&cluster.shard("refused", 0)).await.unwrap_err();
    assert!(matches!(&refused, Error::Fatal(text) if text.contains("no such model")), "{refused}");
    assert_eq!(cluster.who("user_factors refused").len(), 1);
    // DataFusion ends the file when its input ends, be that in an error: so much for a file that is there.
    assert_eq!(n_rows(&cluster.output("refused")), 0);

    cluster.client.run_shard(&cluster.shard("shaky", 0)).await.unwrap();
    assert_eq!(cluster.who("user_factors shaky").len(), 3);

    let mut absent = cluster.shard("absent", 0);
    std::fs::remove_file(absent.input.to_file_path().unwrap()).unwrap();
    let error = cluster.client.run_shard(&absent).await.unwrap_err();
    assert!(matches!(error, Error::Fatal(_)), "{error}");
    absent.input = Url::parse("gopher://there/in.parquet").unwrap();
    assert!(matches!(cluster.client.run_shard(&absent).await.unwrap_err(), Error::Fatal(_)));
}
