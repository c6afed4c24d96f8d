//! Users cut into shards: the lists of one machine, whoever computes them, and whatever is killed meanwhile.

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use store::shards::{ResultsReader, shard_of};
use store::{GenerationId, UserId};

use crate::harness::{Ended, SMALL_MODEL, World, eventually};

const N_SHARDS: u32 = 8;

/// A run on the sample, cut up.
fn run_cut(world: &World, args: &[&str]) -> Value {
    world.run_quickly(&[&["--shards", "8"], args].concat())
}

/// How many shards of a generation in the making are done.
fn n_done(world: &World) -> usize {
    let jobs = world.output().join("jobs");
    let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let count = |job: std::fs::DirEntry| {
        let names = entries(&job.path().join("done")).map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".json")).count()
    };
    entries(&jobs).map(count).sum()
}

fn users_file(world: &World, id: &GenerationId, shard: u32) -> std::path::PathBuf {
    world.output().join(format!("generations/{id}/users/{shard:05}.parquet"))
}

#[test]
fn users_that_are_cut_get_the_records_that_they_get_uncut() {
    let (whole, cut) = (World::new(), World::new());
    let account = whole.run_quickly(&[]);
    let sharded = run_cut(&cut, &[]);
    for of in ["users", "movies", "ratings", "recommended"] {
        assert_eq!(sharded["counts"][of], account["counts"][of], "{of}");
    }
    assert_eq!((&sharded["n_shards"], sharded["gate"]["verdict"].as_str()), (&8.into(), Some("passed")));
    assert_eq!(sharded["candidates"], account["candidates"]);

    let generation = whole.open_current();
    let tables = generation.tables();
    let mut n_users = 0;
    for shard in 0..N_SHARDS {
        let reader = ResultsReader::open(&users_file(&cut, &cut.current(), shard)).unwrap();
        for batch in reader.batches() {
            let batch = batch.unwrap();
            for row in 0..batch.len() {
                let (user, list, history, factors) = batch.records(row);
                assert_eq!(shard_of(user, N_SHARDS), shard);
                assert_eq!(tables.top_n(user).unwrap().as_ref(), Some(&list), "user {user}");
                assert_eq!(tables.history(user).unwrap().as_ref(), Some(&history), "user {user}");
                assert_eq!(tables.user_factors(user).unwrap().as_ref(), Some(&factors), "user {user}");
                n_users += 1;
            }
        }
    }
    assert_eq!(account["counts"]["users"], n_users);
    assert!(!cut.output().join("jobs").join(cut.current().as_str()).exists());

    // The number of shards is no part of what a list is, and nothing has changed.
    assert_eq!(run_cut(&cut, &[])["outcome"], "unchanged");
}

#[test]
fn a_run_waits_for_shards_that_others_compute_each_in_a_process_of_its_own() {
    let (here, there) = (World::new(), World::new());
    let expected = run_cut(&here, &[]);
    let driver = {
        let mut command = there.pipeline("run");
        command.args(SMALL_MODEL).args(["--shards", "8", "--engine", "indexed", "--json"]);
        command.current_dir(crate::harness::sample("../.."));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let plan = || {
        let jobs = std::fs::read_dir(there.output().join("jobs")).into_iter().flatten().flatten();
        jobs.into_iter().any(|job| job.path().join("plan.json").exists())
    };
    eventually("the run has prepared its shards", plan);
    let shard = |args: &[&str]| Ended::of(there.pipeline("shard").args(args));
    let refused = shard(&["--index", "8"]);
    assert!(!refused.status.success() && refused.stderr.contains("the job has shards 0 to 7"), "{refused:?}");
    let refused = shard(&["--index", "0", "--of", "9"]);
    assert!(!refused.status.success() && refused.stderr.contains("has 8 shards"), "{refused:?}");
    thread::scope(|scope| {
        for index in 0..N_SHARDS {
            // The second attempt of an index, as of a pod that was started twice.
            let text = index.to_string();
            scope.spawn(move || {
                let done = shard(&["--index", &text, "--of", "8"]);
                assert!(done.status.success(), "{done:?}");
                assert!(shard(&["--index", &text]).status.success() || index > 0);
            });
        }
    });
    let ended = Ended::after(driver);
    assert!(ended.status.success(), "{ended:?}");
    let account: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(account["content_digest"], expected["content_digest"]);
    let none = Ended::of(there.pipeline("shard").args(["--index", "0"]));
    assert!(!none.status.success() && none.stderr.contains("--engine indexed"), "{none:?}");
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_only_missing_shards_are_computed() {
    let (here, killed) = (World::new(), World::new());
    let expected = run_cut(&here, &[]);
    // Long enough shards to be killed between two.
    let mut command = killed.pipeline("run");
    command.args(SMALL_MODEL).args(["--shards", "8", "--engine", "indexed"]);
    let mut driver =
        command.current_dir(crate::harness::sample("../..")).stderr(Stdio::null()).spawn().unwrap();
    eventually("the run has prepared its shards", || {
        let done = ["0", "3", "5"]
            .map(|index| Ended::of(killed.pipeline("shard").args(["--index", index])).status.success());
        done == [true; 3]
    });
    driver.kill().unwrap();
    driver.wait().unwrap();
    assert_eq!(n_done(&killed), 3);
    let job = std::fs::read_dir(killed.output().join("jobs")).unwrap().next().unwrap().unwrap();
    let id: GenerationId = job.file_name().to_string_lossy().parse().unwrap();
    let times = [0, 3, 5]
        .map(|shard| std::fs::metadata(users_file(&killed, &id, shard)).unwrap().modified().unwrap());
    thread::sleep(Duration::from_millis(20));

    let account = run_cut(&killed, &[]);
    assert_eq!(account["content_digest"], expected["content_digest"]);
    assert_eq!(account["generation"], id.as_str());
    let after = [0, 3, 5]
        .map(|shard| std::fs::metadata(users_file(&killed, &id, shard)).unwrap().modified().unwrap());
    assert_eq!(after, times);
}

#[test]
fn what_is_damaged_on_its_way_is_not_published() {
    let world = World::new();
    let mut command = world.pipeline("run");
    command.args(SMALL_MODEL).args(["--shards", "8", "--engine", "indexed"]);
    let driver = command.current_dir(crate::harness::sample("../..")).stderr(Stdio::piped()).spawn().unwrap();
    let mut last = None;
    eventually("the run has prepared its shards", || {
        let ended = Ended::of(world.pipeline("shard").args(["--index", "0"]));
        let done = ended.status.success();
        last = Some(ended);
        done
    });
    let job = std::fs::read_dir(world.output().join("jobs")).unwrap().next().unwrap().unwrap();
    let id: GenerationId = job.file_name().to_string_lossy().parse().unwrap();
    for index in 1..N_SHARDS {
        let done = Ended::of(world.pipeline("shard").args(["--index", &index.to_string()]));
        if index == 6 {
            // The last but one: the run still waits.
            std::fs::write(users_file(&world, &id, 2), "no Parquet").unwrap();
        }
        assert!(done.status.success(), "{done:?} {last:?}");
    }
    let ended = Ended::after(driver);
    assert!(!ended.status.success(), "{ended:?}");
    assert!(
        ended.stderr.contains("00002.parquet") && ended.stderr.contains("the manifest says"),
        "{ended:?}"
    );
    assert!(world.repository().current().unwrap().is_none());
    assert!(shard_of(UserId(1), N_SHARDS) < N_SHARDS);
}
