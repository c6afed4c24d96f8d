//! Partitioned ratings give the lists of one file of ratings, also if another program has partitioned them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::{Ended, SMALL_MODEL, World, member, program, sample};
use serde_json::{Value, json};
use store::UserId;
use store::shards::{RatingsBatch, RatingsReader, RatingsWriter};

/// Partitions the sample into eight shards. Returns their directory and the standard output.
fn partition(world: &World, args: &[&str]) -> (PathBuf, String) {
    let out = world.path("ratings");
    let mut command = program("pipeline");
    command.args(["partition", "--shards", "8", "--ratings"]).arg(sample("ratings.csv"));
    let stdout = Ended::of(command.arg("--out").arg(&out).args(args)).assert_success().stdout;
    (out, stdout)
}

/// A run on partitioned ratings, which must succeed. Returns its account.
fn run(world: &World, ratings: &Path, args: &[&str]) -> Value {
    world.run(ratings, &sample("movies.csv"), &[&SMALL_MODEL, args].concat())
}

/// The standard error of a run that must fail and publish nothing.
fn refused(world: &World, ratings: &Path, args: &[&str]) -> String {
    let mut command = world.run_command(ratings, &sample("movies.csv"));
    let ended = Ended::of(command.args(SMALL_MODEL).args(args));
    assert!(!ended.status.success(), "{ended:?}");
    assert!(world.repository().current().unwrap().is_none());
    ended.stderr
}

/// Rewrites a shard's file with a change.
fn rewrite(file: &Path, change: impl FnOnce(&mut RatingsBatch)) {
    let mut batch = RatingsReader::open(file).unwrap().batch(0).unwrap();
    change(&mut batch);
    let mut writer = RatingsWriter::create(file).unwrap();
    writer.put(&batch).unwrap();
    writer.finish().unwrap();
}

/// Writes an account without digests, as another engine does.
fn write_account_without_digests(ratings: &Path, version: &str) {
    let account = json!({ "n_shards": 8, "version": version });
    fs::write(ratings.join("shards.json"), account.to_string()).unwrap();
}

#[test]
fn partitioned_ratings_give_the_same_lists_and_the_same_account() {
    let (whole, cut) = (World::new(), World::new());
    let expected = whole.run_quickly(&["--shards", "8"]);
    let (ratings, text) = partition(&cut, &[]);
    assert!(text.contains("600 users into 8 shards") && text.contains("pipeline run --ratings"), "{text}");
    assert!(ratings.join("rejects.csv").exists());
    let account = run(&cut, &ratings, &[]);
    for same in ["/content_digest", "/rows", "/movie_rows", "/counts", "/n_shards"] {
        assert_eq!(member(&account, same), member(&expected, same), "{same}");
    }
    // A run does not remove the ratings. A second partition of the same file has the same content.
    assert!(ratings.join("00007.parquet").exists());
    // An earlier partition may have had more shards.
    fs::write(ratings.join("00008.parquet"), "earlier").unwrap();
    partition(&cut, &[]);
    assert!(!ratings.join("00008.parquet").exists());
    assert_eq!(run(&cut, &ratings, &[])["outcome"], "unchanged");
    Ended::of(cut.pipeline("verify").args(["--users", "50"])).assert_success();
}

#[test]
fn a_model_trained_on_some_shards_gives_lists_for_the_users_of_all_shards() {
    let world = World::new();
    let (ratings, _) = partition(&world, &[]);
    let account = run(&world, &ratings, &["--train-shards", "3"]);
    let counts = &account["counts"];
    assert_eq!(
        (counts["users"].as_u64(), account["parameters"]["trained_shards"].as_u64()),
        (Some(600), Some(3))
    );
    let (trained, rows) = (counts["ratings"].as_u64().unwrap(), account["rows"]["kept"].as_u64().unwrap());
    assert!(trained * 4 < rows * 2 && trained * 4 > rows, "{trained} of {rows}");

    let generation = world.open_current();
    let tables = generation.tables();
    assert_eq!(tables.users().count(), 600);
    let candidates: BTreeSet<_> = tables.candidate_ids().map(Result::unwrap).collect();
    for user in tables.users().map(Result::unwrap) {
        let (list, history) = (tables.top_n(user).unwrap().unwrap(), tables.history(user).unwrap().unwrap());
        assert!(!list.movies.is_empty());
        assert!(
            list.movies.iter().all(|movie| candidates.contains(movie) && !history.movies.contains(movie))
        );
    }
    assert_eq!(Ended::of(world.pipeline("verify").args(["--users", "50"])).status.code(), Some(0));
}

#[test]
fn partition_applies_a_deny_list_and_shards_cut_without_it_are_refused() {
    let world = World::new();
    let deny = world.write("deny.txt", "user 26\nmovie 27\n");
    let deny = ["--deny-list", deny.to_str().unwrap()];
    let (ratings, _) = partition(&world, &[]);
    for trained in [&["--train-shards", "8"][..], &["--train-shards", "1"]] {
        let said = refused(&world, &ratings, &[&deny[..], trained].concat());
        assert!(said.contains("pipeline partition --deny-list") && said.contains(".parquet"), "{said}");
    }
    let (ratings, _) = partition(&world, &deny);
    let account = run(&world, &ratings, &deny);
    let expected = World::new().run_quickly(&[&["--shards", "8"], &deny[..]].concat());
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    assert!(account["rows"]["denied"].as_u64().unwrap() > 100, "{account}");
}

#[test]
fn missing_changed_or_incomplete_shards_are_refused_with_the_name_of_their_file() {
    let world = World::new();
    let (ratings, _) = partition(&world, &[]);
    let (file, account) = (ratings.join("00005.parquet"), ratings.join("shards.json"));
    let said = refused(&world, &ratings, &["--train-shards", "9"]);
    assert!(said.contains("--train-shards cannot be 9") && said.contains("there are 8 shards"), "{said}");
    let said = refused(&world, &ratings, &["--shards", "9"]);
    assert!(said.contains("--shards cannot be 9") && said.contains("cut into 8"), "{said}");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(refused(&world, &ratings, &[]).contains("00005.parquet"));
    // Damage of a shard that is not trained on is found when its lists are computed.
    assert!(refused(&world, &ratings, &["--train-shards", "2"]).contains("00005.parquet"));
    fs::remove_file(&file).unwrap();
    assert!(refused(&world, &ratings, &[]).contains("00005.parquet"));
    fs::write(&file, whole).unwrap();
    fs::remove_file(account).unwrap();
    let said = refused(&world, &ratings, &[]);
    assert!(said.contains("shards.json") && said.contains("pipeline partition"), "{said}");
    let said = refused(&world, &sample("ratings.csv"), &["--train-shards", "2"]);
    assert!(said.contains("--train-shards cannot be 2") && said.contains("one file"), "{said}");
}

#[test]
fn shards_without_digests_of_another_engine_are_checked_and_accepted() {
    let (whole, world) = (World::new(), World::new());
    let expected = whole.run_quickly(&["--shards", "8"]);
    let (ratings, _) = partition(&world, &[]);
    let file = ratings.join("00003.parquet");
    let good = fs::read(&file).unwrap();
    let stray = UserId::new(u32::MAX - 1);
    for (change, says) in [
        (&(|batch: &mut RatingsBatch| batch.users.swap(0, 1)) as &dyn Fn(&mut RatingsBatch), "out of order"),
        (&|batch| *batch.users.last_mut().unwrap() = stray, "another shard"),
        (&|batch| batch.movies.values.swap(0, 1), "does not come after"),
        (&|batch| batch.stars[0] = 5.5, "5.5 stars"),
    ] {
        rewrite(&file, change);
        write_account_without_digests(&ratings, says);
        for trained in ["8", "1"] {
            let said = refused(&world, &ratings, &["--train-shards", trained]);
            assert!(said.contains(says), "{trained}: {said}");
        }
        fs::write(&file, &good).unwrap();
    }
    write_account_without_digests(&ratings, "as it was");
    let account = run(&world, &ratings, &[]);
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    // The account states no number of rows, so the rows of the shards are counted.
    assert_eq!(member(&account, "/rows/read"), member(&expected, "/rows/kept"));
    assert_eq!(run(&world, &ratings, &[])["outcome"], "unchanged");
    write_account_without_digests(&ratings, "another version");
    assert_eq!(run(&world, &ratings, &[])["outcome"], "published");
}
