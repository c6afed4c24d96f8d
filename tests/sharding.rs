//! A run with shards gives the lists of a run without, also if other processes compute them and some are killed.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use harness::{
    Ended, SMALL_MODEL, World, eventually, job_generation, member, sample, shards_done, users_file,
};
use serde_json::Value;
use store::shards::{ResultsReader, shard_of};
use store::{GenerationId, UserId};

const N_SHARDS: u32 = 8;

/// A run on the sample with eight shards. It must succeed. Returns its account.
fn run_sharded(world: &World, args: &[&str]) -> Value {
    world.run_quickly(&[&["--shards", "8"], args].concat())
}

/// Starts a run on the sample that waits until other processes have computed its shards.
fn start_indexed_run(world: &World, args: &[&str]) -> Child {
    let mut command = world.pipeline("run");
    command.args(SMALL_MODEL).args(["--shards", "8", "--engine", "indexed"]).args(args);
    command.current_dir(sample("../..")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Computes a shard of a world's job in a process.
fn compute_shard(world: &World, shard: u32) -> Ended {
    Ended::of(world.pipeline("shard").args(["--index", &shard.to_string()]))
}

/// Starts such a run and computes its first shard. Returns the run and its generation.
fn start_with_first_shard(world: &World) -> (Child, GenerationId) {
    let driver = start_indexed_run(world, &[]);
    eventually("the shards are prepared", || compute_shard(world, 0).status.success());
    (driver, job_generation(&world.output()))
}

#[test]
fn a_run_with_shards_gives_the_records_of_a_run_without() {
    let (whole, cut) = (World::new(), World::new());
    let account = whole.run_quickly(&[]);
    let sharded = run_sharded(&cut, &[]);
    for of in ["users", "movies", "ratings", "recommended"] {
        let of = format!("/counts/{of}");
        assert_eq!(member(&sharded, &of), member(&account, &of), "{of}");
    }
    assert_eq!((&sharded["n_shards"], sharded["gate"]["verdict"].as_str()), (&8.into(), Some("passed")));
    let candidates = |account: &Value| {
        let per_second = account["candidates_per_second"].as_f64().unwrap();
        (per_second * account["phases"]["score"]["seconds"].as_f64().unwrap()).round()
    };
    let unseen = |of: &str| account["counts"][of].as_f64().unwrap();
    assert_eq!(candidates(&account), unseen("users") * unseen("movies") - unseen("ratings"));
    assert_eq!(candidates(&sharded), candidates(&account));

    let generation = whole.open_current();
    let tables = generation.tables();
    let mut n_users = 0;
    for shard in 0..N_SHARDS {
        let reader = ResultsReader::open(&users_file(&cut.output(), &cut.current(), shard)).unwrap();
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

    // A run with the same shards does nothing.
    assert_eq!(run_sharded(&cut, &[])["outcome"], "unchanged");
}

#[test]
fn a_run_waits_for_shards_that_other_processes_compute() {
    let (local, indexed) = (World::new(), World::new());
    let expected = run_sharded(&local, &[]);
    let driver = start_indexed_run(&indexed, &["--json"]);
    let plan = || {
        let jobs = fs::read_dir(indexed.output().join("jobs")).into_iter().flatten().flatten();
        jobs.into_iter().any(|job| job.path().join("plan.json").exists())
    };
    eventually("the shards are prepared", plan);
    let shard = |args: &[&str]| Ended::of(indexed.pipeline("shard").args(args));
    let refused = shard(&["--index", "8"]);
    assert!(!refused.status.success() && refused.stderr.contains("the job has shards 0 to 7"), "{refused:?}");
    let refused = shard(&["--index", "0", "--of", "9"]);
    assert!(!refused.status.success() && refused.stderr.contains("has 8 shards"), "{refused:?}");
    // Two processes at once, twice, as of a pod that is started several times.
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| shard(&["--index", "0", "--of", "8"]).assert_success());
            }
        });
    }
    thread::scope(|scope| {
        for index in 1..N_SHARDS {
            let indexed = &indexed;
            scope.spawn(move || compute_shard(indexed, index).assert_success());
        }
    });
    let account = Ended::after(driver).json();
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    let gone = compute_shard(&indexed, 0);
    assert!(!gone.status.success() && gone.stderr.contains("--engine indexed"), "{gone:?}");
}

#[test]
fn the_run_after_a_killed_one_computes_only_the_missing_shards() {
    let (local, killed) = (World::new(), World::new());
    let expected = run_sharded(&local, &[]);
    let mut driver = start_indexed_run(&killed, &[]);
    eventually("the shards are prepared", || {
        [0, 3, 5].map(|shard| compute_shard(&killed, shard).status.success()) == [true; 3]
    });
    driver.kill().unwrap();
    driver.wait().unwrap();
    assert_eq!(shards_done(&killed.output()).len(), 3);
    let id = job_generation(&killed.output());
    let files = [0, 3, 5].map(|shard| users_file(&killed.output(), &id, shard));
    let earlier = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
    for file in &files {
        File::options().append(true).open(file).unwrap().set_modified(earlier).unwrap();
    }

    let account = run_sharded(&killed, &[]);
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    assert_eq!(account["generation"], id.as_str());
    for file in &files {
        assert_eq!(
            file.metadata().unwrap().modified().unwrap(),
            earlier,
            "{} is written again",
            file.display()
        );
    }
}

#[test]
fn a_result_damaged_before_publishing_is_not_published() {
    let world = World::new();
    let (driver, id) = start_with_first_shard(&world);
    for index in 1..N_SHARDS {
        compute_shard(&world, index).assert_success();
        if index == 6 {
            // One shard is missing, so the run still waits.
            fs::write(users_file(&world.output(), &id, 2), "no Parquet").unwrap();
        }
    }
    let ended = Ended::after(driver);
    assert!(!ended.status.success(), "{ended:?}");
    assert!(
        ended.stderr.contains("00002.parquet") && ended.stderr.contains("the manifest says"),
        "{ended:?}"
    );
    assert!(world.repository().current().unwrap().is_none());

    // The next run checks the results again.
    let account = run_sharded(&world, &[]);
    assert_eq!(
        (&account["outcome"], account["generation"].as_str()),
        (&"published".into(), Some(id.as_str()))
    );
    world.open(&id);
}

#[test]
fn the_leftover_job_of_a_published_generation_is_not_resumed() {
    let world = World::new();
    let (driver, id) = start_with_first_shard(&world);
    let (job, aside) = (world.output().join("jobs").join(id.as_str()), world.path("aside"));
    let copied = std::process::Command::new("cp").arg("-r").arg(&job).arg(&aside).status().unwrap();
    assert!(copied.success());
    for index in 1..N_SHARDS {
        compute_shard(&world, index).assert_success();
    }
    Ended::after(driver).assert_success();

    // This is the state after a kill before the run has removed the job.
    fs::rename(aside, &job).unwrap();
    let gone = compute_shard(&world, 1);
    assert!(!gone.status.success() && gone.stderr.contains("--engine indexed"), "{gone:?}");
    let again = run_sharded(&world, &["--always"]);
    assert!(again["generation"].as_str().unwrap() > id.as_str(), "{again}");
    assert!(fs::read_dir(world.output().join("jobs")).unwrap().next().is_none());
    world.open(&id);
}

#[test]
fn a_server_answers_for_its_shards_and_redirects_requests_for_others() {
    let (whole, cut) = (World::new(), World::new());
    whole.run_quickly(&[]);
    let account = run_sharded(&cut, &[]);
    let (all, some) = (whole.serve_when_ready(), cut.serve_with(&["--shards", "0-2,7"]));
    some.wait_until_ready(None);
    let owned = |user: u32| [0, 1, 2, 7].contains(&shard_of(UserId::new(user), N_SHARDS));
    for user in 1..=120 {
        for path in [
            format!("/recommendations?user_id={user}&n=50&withScores=true"),
            format!("/features?user_id={user}"),
        ] {
            let (expected, found) = (all.get(&path), some.get(&path));
            if owned(user) {
                assert_eq!((found.status, found.body), (200, expected.body), "{path}");
                continue;
            }
            let shard = shard_of(UserId::new(user), N_SHARDS).to_string();
            assert_eq!((found.status, found.header("x-shard")), (421, shard.as_str()), "{path}");
            assert!(found.json()["detail"].as_str().unwrap().contains("does not own"), "{found:?}");
            assert!(!found.headers.contains_key("etag"));
        }
    }
    // A request for several users is refused if the server lacks one of them. A fold-in needs no user's record.
    let (mine, others) =
        ((1..).find(|&user| owned(user)).unwrap(), (1..).find(|&user| !owned(user)).unwrap());
    let many = some.get(&format!("/recommendations?user_id={mine},{others}"));
    assert_eq!((many.status, many.headers.contains_key("x-shard")), (421, false), "{many:?}");
    let folded = r#"{"ratings":[{"id":1,"rating":5}],"n":10}"#;
    assert_eq!(some.post("/recommendations", folded).body, all.post("/recommendations", folded).body);
    let generation = some.get("/generation").json();
    assert_eq!(generation["shards"], serde_json::json!({ "n": 8, "owned": "0-2,7" }));
    assert_eq!(member(&generation, "/counts/users"), member(&account, "/counts/users"));

    let redirecting =
        cut.serve_with(&["--shards", "0-2,7", "--shards-redirect", "http://127.0.0.1:1/of-{shard}/"]);
    redirecting.wait_until_ready(None);
    let path = format!("/recommendations?user_id={others}&n=3");
    let answer = redirecting.get(&path);
    let shard = shard_of(UserId::new(others), N_SHARDS);
    let location = format!("http://127.0.0.1:1/of-{shard}{path}");
    assert_eq!((answer.status, answer.header("location")), (307, location.as_str()));

    // A restarted server reuses the kept copy only if it loads the same shards.
    assert!(some.terminate().success());
    for (shards, takes_over) in [("0-2,7", true), ("3-6", false)] {
        let mut again = cut.serve_with(&["--shards", shards]);
        again.wait_until_ready(None);
        again.signal("TERM");
        assert!(again.wait().success());
        // The log is complete after the end of the process.
        assert_eq!(again.log().contains("took over the kept copy"), takes_over, "{}", again.log());
    }
}

#[test]
fn a_server_with_shards_refuses_a_generation_without_them() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_with(&["--shards", "0-3"]);
    eventually("the server logs the refusal", || server.log().contains("has 0 shards"));
    assert_eq!(server.get("/readyz").status, 503);
    world.run_quickly(&["--shards", "8"]);
    server.wait_until_ready(Some(world.current().as_str()));
    assert_eq!(Ended::of(world.pipeline("verify").args(["--users", "50"])).status.code(), Some(0));
}

#[test]
fn a_damaged_or_missing_shard_is_refused_with_the_name_of_its_file() {
    let world = World::new();
    run_sharded(&world, &[]);
    let id = world.current();
    let file = |shard| users_file(&world.output(), &id, shard);
    let whole = fs::read(file(4)).unwrap();
    let refused = |says: &str| {
        let opened = world.repository().open_generation(&id, &world.path("copies"), 1 << 20);
        let error = opened.err().unwrap().to_string();
        assert!(error.contains("00004.parquet") && error.contains(says), "{error}");
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(file(4), flipped).unwrap();
    refused("BLAKE3");
    fs::write(file(4), &whole[..whole.len() - 1]).unwrap();
    refused("bytes");
    fs::remove_file(file(4)).unwrap();
    refused("missing");
    fs::write(file(4), whole).unwrap();
    let generation = world.open(&id);
    let users: Vec<_> = generation.tables().users().map(Result::unwrap).collect();
    assert!(users.is_sorted() && users.len() == 600, "{}", users.len());
    assert_eq!(generation.tables().last_user().unwrap(), users.last().copied());
    assert_eq!(generation.tables().user_from(users[17]).unwrap(), Some(users[17]));
}
