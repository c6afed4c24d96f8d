//! Users cut into shards get the lists of one machine, whichever process computes them and is killed meanwhile.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use harness::{
    Ended, SMALL_MODEL, World, eventually, in_the_making, member, sample, shards_done, users_file,
};
use serde_json::Value;
use store::shards::{ResultsReader, shard_of};
use store::{GenerationId, UserId};

const N_SHARDS: u32 = 8;

/// A run on the sample, cut up.
fn run_cut(world: &World, args: &[&str]) -> Value {
    world.run_quickly(&[&["--shards", "8"], args].concat())
}

/// A run on the sample that waits for its shards to be computed.
fn wait_for_shards(world: &World, args: &[&str]) -> Child {
    let mut command = world.pipeline("run");
    command.args(SMALL_MODEL).args(["--shards", "8", "--engine", "indexed"]).args(args);
    command.current_dir(sample("../..")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A run that waits, of which the first shard is done, and the generation that it makes.
fn begun(world: &World) -> (Child, GenerationId) {
    let driver = wait_for_shards(world, &[]);
    eventually("the run has prepared its shards", || {
        Ended::of(world.pipeline("shard").args(["--index", "0"])).status.success()
    });
    (driver, in_the_making(&world.output()))
}

#[test]
fn users_that_are_cut_get_the_records_that_they_get_uncut() {
    let (whole, cut) = (World::new(), World::new());
    let account = whole.run_quickly(&[]);
    let sharded = run_cut(&cut, &[]);
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

    // The number of shards is no part of what a list is, and nothing has changed.
    assert_eq!(run_cut(&cut, &[])["outcome"], "unchanged");
}

#[test]
fn a_run_waits_for_shards_that_others_compute_each_in_a_process_of_its_own() {
    let (here, there) = (World::new(), World::new());
    let expected = run_cut(&here, &[]);
    let driver = wait_for_shards(&there, &["--json"]);
    let plan = || {
        let jobs = fs::read_dir(there.output().join("jobs")).into_iter().flatten().flatten();
        jobs.into_iter().any(|job| job.path().join("plan.json").exists())
    };
    eventually("the run has prepared its shards", plan);
    let shard = |args: &[&str]| Ended::of(there.pipeline("shard").args(args));
    let refused = shard(&["--index", "8"]);
    assert!(!refused.status.success() && refused.stderr.contains("the job has shards 0 to 7"), "{refused:?}");
    let refused = shard(&["--index", "0", "--of", "9"]);
    assert!(!refused.status.success() && refused.stderr.contains("has 8 shards"), "{refused:?}");
    // Twice at once and again, as of a pod that was started several times.
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let done = shard(&["--index", "0", "--of", "8"]);
                    assert!(done.status.success(), "{done:?}");
                });
            }
        });
    }
    thread::scope(|scope| {
        for index in 1..N_SHARDS {
            let text = index.to_string();
            scope.spawn(move || {
                let done = shard(&["--index", &text, "--of", "8"]);
                assert!(done.status.success(), "{done:?}");
            });
        }
    });
    let ended = Ended::after(driver);
    assert!(ended.status.success(), "{ended:?}");
    let account: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    let none = Ended::of(there.pipeline("shard").args(["--index", "0"]));
    assert!(!none.status.success() && none.stderr.contains("--engine indexed"), "{none:?}");
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_only_missing_shards_are_computed() {
    let (here, killed) = (World::new(), World::new());
    let expected = run_cut(&here, &[]);
    let mut driver = wait_for_shards(&killed, &[]);
    eventually("the run has prepared its shards", || {
        let done = ["0", "3", "5"]
            .map(|index| Ended::of(killed.pipeline("shard").args(["--index", index])).status.success());
        done == [true; 3]
    });
    driver.kill().unwrap();
    driver.wait().unwrap();
    assert_eq!(shards_done(&killed.output()).len(), 3);
    let id = in_the_making(&killed.output());
    let files = [0, 3, 5].map(|shard| users_file(&killed.output(), &id, shard));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
    for file in &files {
        File::options().append(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }

    let account = run_cut(&killed, &[]);
    assert_eq!(member(&account, "/content_digest"), member(&expected, "/content_digest"));
    assert_eq!(account["generation"], id.as_str());
    for file in &files {
        assert_eq!(
            file.metadata().unwrap().modified().unwrap(),
            long_ago,
            "{} is written again",
            file.display()
        );
    }
}

#[test]
fn what_is_damaged_on_its_way_is_not_published() {
    let world = World::new();
    let (driver, id) = begun(&world);
    for index in 1..N_SHARDS {
        let done = Ended::of(world.pipeline("shard").args(["--index", &index.to_string()]));
        if index == 6 {
            // The last but one: the run still waits.
            fs::write(users_file(&world.output(), &id, 2), "no Parquet").unwrap();
        }
        assert!(done.status.success(), "{done:?}");
    }
    let ended = Ended::after(driver);
    assert!(!ended.status.success(), "{ended:?}");
    assert!(
        ended.stderr.contains("00002.parquet") && ended.stderr.contains("the manifest says"),
        "{ended:?}"
    );
    assert!(world.repository().current().unwrap().is_none());

    // The next run checks the results again.
    let account = run_cut(&world, &[]);
    assert_eq!(
        (&account["outcome"], account["generation"].as_str()),
        (&"published".into(), Some(id.as_str()))
    );
    world.open(&id);
}

#[test]
fn what_is_left_of_a_job_whose_generation_is_published_is_no_job_any_more() {
    let world = World::new();
    let (driver, id) = begun(&world);
    let (job, aside) = (world.output().join("jobs").join(id.as_str()), world.path("aside"));
    let copied = std::process::Command::new("cp").arg("-r").arg(&job).arg(&aside).status().unwrap();
    assert!(copied.success());
    for index in 1..N_SHARDS {
        let done = Ended::of(world.pipeline("shard").args(["--index", &index.to_string()]));
        assert!(done.status.success(), "{done:?}");
    }
    assert!(Ended::after(driver).status.success());

    // As if it had been killed before it took the job away.
    fs::rename(aside, &job).unwrap();
    let none = Ended::of(world.pipeline("shard").args(["--index", "1"]));
    assert!(!none.status.success() && none.stderr.contains("--engine indexed"), "{none:?}");
    let again = run_cut(&world, &["--always"]);
    assert!(again["generation"].as_str().unwrap() > id.as_str(), "{again}");
    assert!(fs::read_dir(world.output().join("jobs")).unwrap().next().is_none());
    world.open(&id);
}

#[test]
fn a_server_answers_for_the_shards_that_it_owns_and_leads_elsewhere_for_others() {
    let (whole, cut) = (World::new(), World::new());
    whole.run_quickly(&[]);
    let account = run_cut(&cut, &[]);
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
    // Of many users one is another server's; what needs no user's record is answered by all.
    let (mine, others) =
        ((1..).find(|&user| owned(user)).unwrap(), (1..).find(|&user| !owned(user)).unwrap());
    let many = some.get(&format!("/recommendations?user_id={mine},{others}"));
    assert_eq!((many.status, many.headers.contains_key("x-shard")), (421, false), "{many:?}");
    let folded = r#"{"ratings":[{"id":1,"rating":5}],"n":10}"#;
    assert_eq!(some.post("/recommendations", folded).body, all.post("/recommendations", folded).body);
    let generation = some.get("/generation").json();
    assert_eq!(generation["shards"], serde_json::json!({ "n": 8, "owned": "0-2,7" }));
    assert_eq!(member(&generation, "/counts/users"), member(&account, "/counts/users"));

    let leads = cut.serve_with(&["--shards", "0-2,7", "--shards-redirect", "http://127.0.0.1:1/of-{shard}/"]);
    leads.wait_until_ready(None);
    let path = format!("/recommendations?user_id={others}&n=3");
    let answer = leads.get(&path);
    let shard = shard_of(UserId::new(others), N_SHARDS);
    let location = format!("http://127.0.0.1:1/of-{shard}{path}");
    assert_eq!((answer.status, answer.header("location")), (307, location.as_str()));

    // A server that starts again on what was kept has the same shards, or fetches.
    assert!(some.terminate().success());
    for (shards, takes_over) in [("0-2,7", true), ("3-6", false)] {
        let mut again = cut.serve_with(&["--shards", shards]);
        again.wait_until_ready(None);
        again.signal("TERM");
        assert!(again.wait().success());
        // Only now is all of the log read.
        assert_eq!(again.log().contains("took over the kept copy"), takes_over, "{}", again.log());
    }
}

#[test]
fn a_server_with_shards_refuses_a_generation_that_has_no_such_shards() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_with(&["--shards", "0-3"]);
    eventually("it says what is wrong", || server.log().contains("has 0 shards"));
    assert_eq!(server.get("/readyz").status, 503);
    world.run_quickly(&["--shards", "8"]);
    server.wait_until_ready(Some(world.current().as_str()));
    assert_eq!(Ended::of(world.pipeline("verify").args(["--users", "50"])).status.code(), Some(0));
}

#[test]
fn a_shard_that_is_damaged_or_another_s_is_refused_by_its_name() {
    let world = World::new();
    run_cut(&world, &[]);
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
