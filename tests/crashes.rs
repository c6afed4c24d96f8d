//! Runs that are killed at random, and damaged generations: the published generation is still served, and the next run
//! succeeds.
//!
//! `RECOMMENDER_TEST_KILLS=200` sets the number of runs that are killed; the default is 20. `system_faults` kills runs at
//! every system call that writes; it needs root and strace.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Ended, LIST, SMALL_MODEL, Server, Stop, World, eventually, sample};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::manifest::FORMAT_VERSION;
use store::{Repository, layout};

/// The number of runs that are killed if `RECOMMENDER_TEST_KILLS` is not set.
const KILLS: u32 = 20;
/// The number of the signal that a run is killed by.
const SIGKILL: i32 = 9;

/// A run on the sample that publishes even where nothing has changed.
pub(crate) fn run_always(world: &World) -> Command {
    let mut command = world.pipeline("run");
    command.current_dir(sample("../..")).args(SMALL_MODEL).args(["--always", "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Calls `act` while a client sends requests to a server, of which at least one is answered before and after the call.
/// Every request must be answered.
pub(crate) fn while_requesting<T>(server: &Server, act: impl FnOnce() -> T) -> T {
    let (done, n_answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let stop = Stop(&done);
        let client = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let answer = server.get("/recommendations?user_id=18&returnMetadata=true");
                assert_eq!((answer.status, answer.ids().len()), (200, 2), "{answer:?}");
                n_answered.fetch_add(1, Ordering::Relaxed);
                // Leaves the processor to the runs.
                thread::sleep(Duration::from_millis(1));
            }
        });
        let wait_for_an_answer = || {
            let before = n_answered.load(Ordering::Relaxed);
            eventually("a request is answered", || {
                n_answered.load(Ordering::Relaxed) > before || client.is_finished()
            });
        };
        wait_for_an_answer();
        let result = act();
        wait_for_an_answer();
        drop(stop);
        client.join().unwrap();
        result
    })
}

/// Panics unless a run succeeds and all generations are then complete.
pub(crate) fn assert_next_run_succeeds(world: &World) {
    Ended::of(run_always(world).stderr(Stdio::piped())).assert_success();
    let repository: Repository = world.repository();
    for id in repository.generations().unwrap() {
        repository.manifest(&id).unwrap();
    }
    world.open_current();
}

/// Removes all generations but the published one and one more.
pub(crate) fn prune_to_one(world: &World) {
    Ended::of(world.pipeline("prune").args(["--keep", "1", "--older-than", "0s"])).assert_success();
}

#[test]
fn runs_killed_at_random_moments_change_nothing_that_is_served() {
    let n_kills = env::var("RECOMMENDER_TEST_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let list = server.get(LIST).body;
    let mut random = StdRng::seed_from_u64(2026);
    // The duration of a run: that of the last one that ended before its kill.
    let mut duration = Duration::from_millis(500);
    let mut n_killed = 0;
    while_requesting(&server, || {
        for n in 0.. {
            if n_killed == n_kills {
                break;
            }
            let before = world.current();
            let (mut run, start) = (run_always(&world).spawn().unwrap(), Instant::now());
            // The n-th kill is at a random moment of the n-th of `n_kills` equal parts of a run.
            let part = f64::from(n_killed) + random.random_range(0.0..1.0);
            let moment = duration.mul_f64(part / f64::from(n_kills));
            while start.elapsed() < moment && run.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_micros(200));
            }
            if start.elapsed() < moment {
                duration = start.elapsed();
            }
            run.kill().unwrap();
            let ended = run.wait().unwrap();
            // A run that has ended before its kill must have succeeded, and does not count.
            assert!(ended.success() || ended.signal() == Some(SIGKILL), "{ended:?}");
            n_killed += u32::from(!ended.success());
            // The published generation is complete and served. The input is the same, and so are the lists.
            let current = world.current();
            drop(world.open(&current));
            assert!(current >= before);
            server.wait_until_ready(Some(current.as_str()));
            assert_eq!(server.list_of(current.as_str()), list);
            if n % 10 == 9 {
                assert_next_run_succeeds(&world);
                prune_to_one(&world);
            }
        }
    });
    assert_next_run_succeeds(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    assert_eq!(server.get(LIST).body, list);
}

#[test]
fn a_server_refuses_a_damaged_newer_or_missing_generation_and_serves_the_old_one() {
    let world = World::new();
    world.run_quickly(&[]);
    let (server, first) = (world.serve_when_ready(), world.current().to_string());
    let list = server.list_of(&first);
    let stays = |says: &str| {
        eventually("the server has logged it", || server.log().contains(says));
        assert_eq!(server.list_of(&first), list);
    };
    let current = world.output().join(layout::CURRENT);
    // The generation is made in another output, so that the server does not open it before it is damaged.
    let unpublished = |seed: &str| {
        let other = World::new();
        other.run_quickly(&["--seed", seed]);
        let id = other.current();
        let dir = layout::generation_dir(&world.output(), &id);
        fs::rename(layout::generation_dir(&other.output(), &id), &dir).unwrap();
        (id, dir)
    };

    for (n, file) in ["records/db", "rejects.csv", "manifest.json"].into_iter().enumerate() {
        let (id, dir) = unpublished(&(n + 2).to_string());
        let path = dir.join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&path, bytes).unwrap();
        fs::write(&current, format!("{id}\n")).unwrap();
        stays(path.to_str().unwrap());
    }

    let (id, dir) = unpublished("9");
    let manifest = fs::read_to_string(dir.join("manifest.json")).unwrap();
    let (ours, newer) = (FORMAT_VERSION, FORMAT_VERSION + 1);
    let format = |version: u32| format!("\"format_version\": {version}");
    let changed = manifest.replacen(&format(ours), &format(newer), 1);
    fs::write(dir.join("manifest.json"), changed).unwrap();
    fs::write(&current, format!("{id}\n")).unwrap();
    stays(&format!("has format {newer}, this release reads {ours}; upgrade the reader"));

    fs::write(&current, "20010101T000000.000Z\n").unwrap();
    stays("there is no generation 20010101T000000.000Z");
    fs::write(&current, "no generation").unwrap();
    stays("names `no generation`");

    // The server opens the generation of the next run without a restart.
    let next = world.run_quickly(&["--seed", "5"]);
    server.wait_until_ready(next["generation"].as_str());
}
