//! Runs that are killed and files that are damaged at random: the published generation is served on, and the next run
//! succeeds.
//!
//! `RECOMMENDER_TEST_KILLS=200` sets the number of runs that are killed; 20 are, where it is not set. `disasters` kills
//! runs at every single step, with tools that not every machine has.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Ended, LIST, SMALL_MODEL, Server, Stop, World, eventually, sample};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::{Repository, layout};

/// The number of runs that are killed, where `RECOMMENDER_TEST_KILLS` is not set.
const KILLS: u32 = 20;
/// The number of bits that are flipped in each file.
const FLIPS: usize = 25;
/// The number of the signal that a run is killed by.
const SIGKILL: i32 = 9;

/// A run on the sample that publishes even where nothing has changed.
pub(crate) fn another_run(world: &World) -> Command {
    let mut command = world.pipeline("run");
    command.current_dir(sample("../..")).args(SMALL_MODEL).args(["--always", "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Sends requests to a server from before something begins until after it has ended. Every request must be answered.
pub(crate) fn while_asking<T>(server: &Server, happens: impl FnOnce() -> T) -> T {
    let (done, n_answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let stop = Stop(&done);
        let asking = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let answer = server.get("/recommendations?user_id=18&returnMetadata=true");
                assert_eq!((answer.status, answer.ids().len()), (200, 2), "{answer:?}");
                n_answered.fetch_add(1, Ordering::Relaxed);
                // Leaves the processor to the runs.
                thread::sleep(Duration::from_millis(1));
            }
        });
        let is_answered = || {
            let before = n_answered.load(Ordering::Relaxed);
            eventually("a request is answered", || {
                n_answered.load(Ordering::Relaxed) > before || asking.is_finished()
            });
        };
        is_answered();
        let result = happens();
        is_answered();
        drop(stop);
        asking.join().unwrap();
        result
    })
}

/// A run succeeds and leaves nothing but complete generations.
pub(crate) fn the_next_run_mends_it(world: &World) {
    assert!(another_run(world).status().unwrap().success());
    let repository: Repository = world.repository();
    for id in repository.generations().unwrap() {
        repository.manifest(&id).unwrap();
    }
    world.open_current();
}

#[test]
fn runs_that_are_killed_at_any_moment_change_nothing_that_is_served() {
    let n_kills = env::var("RECOMMENDER_TEST_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let list = server.get(LIST).body;
    let mut random = StdRng::seed_from_u64(2026);
    // The time that a run takes, as the last one did that was faster than its killer.
    let mut duration = Duration::from_millis(500);
    let mut n_killed = 0;
    while_asking(&server, || {
        for n in 0.. {
            if n_killed == n_kills {
                break;
            }
            let before = world.current();
            let (mut run, start) = (another_run(&world).spawn().unwrap(), Instant::now());
            // In each of as many equal parts of a run as there are kills.
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
            // A run that has ended by itself has succeeded, and counts as no kill.
            assert!(ended.success() || ended.signal() == Some(SIGKILL), "{ended:?}");
            n_killed += u32::from(!ended.success());
            // The published generation is complete to the last byte, and is served: the same input, the same lists.
            let current = world.current();
            drop(world.open(&current));
            assert!(current >= before);
            server.wait_until_ready(Some(current.as_str()));
            assert_eq!(server.list_of(current.as_str()), list);
            if n % 10 == 9 {
                the_next_run_mends_it(&world);
                let pruned = Ended::of(world.pipeline("prune").args(["--keep", "1", "--older-than", "0s"]));
                assert!(pruned.status.success(), "{pruned:?}");
            }
        }
    });
    the_next_run_mends_it(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    assert_eq!(server.get(LIST).body, list);
}

/// Every file below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

#[test]
fn a_bit_flipped_or_bytes_cut_off_anywhere_in_a_generation_are_refused_by_the_name_of_the_file() {
    let world = World::new();
    world.run_quickly(&[]);
    let dir = layout::generation_dir(&world.output(), &world.current());
    let mut random = StdRng::seed_from_u64(7);
    let mut n_refused = 0;
    for path in files(&dir) {
        let whole = fs::read(&path).unwrap();
        let refused = |damaged: &[u8], what: &str| {
            fs::write(&path, damaged).unwrap();
            let open = world.repository().open_generation(&world.current(), &world.path("copies"), 1 << 20);
            let error = open.err().unwrap_or_else(|| panic!("{what} of {} was not noticed", path.display()));
            assert!(error.to_string().contains(path.to_str().unwrap()), "{what}: {error}");
        };
        for _ in 0..FLIPS {
            let bit = random.random_range(0..8 * whole.len());
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused(&flipped, &format!("the flip of bit {bit}"));
            n_refused += 1;
        }
        for _ in 0..5 {
            let length = random.random_range(0..whole.len());
            refused(&whole[..length], &format!("the cut to {length} bytes"));
            n_refused += 1;
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(n_refused >= 4 * (FLIPS + 5), "only {n_refused}: {:?}", files(&dir));
    world.open_current();
}

#[test]
fn a_server_refuses_what_is_damaged_newer_or_not_there_and_keeps_what_it_has() {
    let world = World::new();
    world.run_quickly(&[]);
    let (server, first) = (world.serve_when_ready(), world.current().to_string());
    let list = server.list_of(&first);
    let stays = |says: &str| {
        eventually("the server has logged it", || server.log().contains(says));
        assert_eq!(server.list_of(&first), list);
    };
    let current = world.output().join(layout::CURRENT);
    // Made elsewhere, so that the server does not see it before it is damaged.
    let made_apart = |seed: &str| {
        let elsewhere = World::new();
        elsewhere.run_quickly(&["--seed", seed]);
        let id = elsewhere.current();
        let dir = layout::generation_dir(&world.output(), &id);
        fs::rename(layout::generation_dir(&elsewhere.output(), &id), &dir).unwrap();
        (id, dir)
    };

    for (n, file) in ["records/db", "rejects.csv", "manifest.json"].into_iter().enumerate() {
        let (id, dir) = made_apart(&(n + 2).to_string());
        let path = dir.join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&path, bytes).unwrap();
        fs::write(&current, format!("{id}\n")).unwrap();
        stays(path.to_str().unwrap());
    }

    let (id, dir) = made_apart("9");
    let manifest = fs::read_to_string(dir.join("manifest.json")).unwrap();
    let newer = manifest.replacen("\"format_version\": 5", "\"format_version\": 6", 1);
    fs::write(dir.join("manifest.json"), newer).unwrap();
    fs::write(&current, format!("{id}\n")).unwrap();
    stays("has format 6, this release reads 5; upgrade the reader");

    fs::write(&current, "20010101T000000.000Z\n").unwrap();
    stays("there is no generation 20010101T000000.000Z");
    fs::write(&current, "no generation").unwrap();
    stays("names `no generation`");

    // The next run is served without help.
    let next = world.run_quickly(&["--seed", "5"]);
    server.wait_until_ready(next["generation"].as_str());
}
