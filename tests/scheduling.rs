//! The batch on a schedule: real processes, the machine's clock, and a cron expression of every second.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use harness::{Ended, SMALL_MODEL, World, eventually, program, sample, signal};
use serde_json::Value;

/// A schedule on the sample, with further arguments.
fn schedule(world: &World, args: &[&str]) -> Command {
    let mut command = world.pipeline("schedule");
    command.current_dir(sample("../..")).args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A process that is killed when it is dropped.
struct Process(Option<Child>);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    fn terminate(mut self) -> Ended {
        let child = self.0.take().unwrap();
        signal(&child, "TERM");
        Ended::after(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn n_generations(world: &World) -> usize {
    world.repository().generations().map_or(0, |ids| ids.len())
}

#[test]
fn a_schedule_publishes_repeatedly_and_ends_with_code_0_on_sigterm() {
    let world = World::new();
    let process = Process::start(
        schedule(&world, &[&SMALL_MODEL[..], &["--cron", "* * * * * *", "--always"]].concat())
            .stderr(Stdio::from(fs::File::create(world.path("log")).unwrap())),
    );
    eventually("the schedule has published three times", || n_generations(&world) >= 3);
    let ended = process.terminate();
    let log = fs::read_to_string(world.path("log")).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{log}");
    let events: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for says in ["waiting for the next run", "starting a run", "the run succeeded", "stopped"] {
        assert!(events.iter().any(|event| event["message"] == says), "no `{says}` in {log}");
    }
    drop(world.open_current());
}

#[test]
fn sigterm_during_a_scheduled_run_ends_the_run_and_changes_nothing_that_is_published() {
    let world = World::new();
    world.run_quickly(&[]);
    let before = world.current();
    let process =
        Process::start(&mut schedule(&world, &["--cron", "* * * * * *", "--always", "--epochs", "5000"]));
    let lock = || fs::read_to_string(world.output().join("LOCK")).unwrap_or_default();
    let scheduler = process.0.as_ref().unwrap().id();
    // The lock file still names the earlier run.
    let holder = || lock().split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse::<u32>().ok());
    let first = holder();
    eventually("a run holds the lock", || holder().is_some() && holder() != first);
    let run = holder().unwrap();
    assert_ne!(run, scheduler, "the run is the scheduler's process");
    assert!(Path::new(&format!("/proc/{run}")).exists());
    let ended = process.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stderr.contains("stopping the run"), "{ended:?}");
    assert!(!Path::new(&format!("/proc/{run}")).exists(), "the run has not ended");
    assert_eq!(world.current(), before);
    drop(world.open_current());
    world.run_quickly(&["--always"]);
}

#[test]
fn sigterm_during_the_first_run_ends_the_schedule() {
    let world = World::new();
    let process = Process::start(&mut schedule(&world, &["--cron", "0 0 3 * * *", "--epochs", "5000"]));
    eventually("the first run holds the lock", || world.output().join("LOCK").exists());
    let ended = process.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stderr.contains("stopping the run"), "{ended:?}");
    assert_eq!(n_generations(&world), 0);
}

#[test]
fn a_missed_run_is_started_with_the_schedule() {
    let world = World::new();
    world.run_quickly(&[]);
    // A run is due every day at a second that is after the first run and before the start of the schedule.
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let due = now() + 1;
    let daily = format!("{} {} {} * * *", due % 60, due / 60 % 60, due / 3600 % 24);
    eventually("the run is due", || now() > due);
    let daily = [&SMALL_MODEL[..], &["--always", "--cron", &daily]].concat();
    let process = Process::start(&mut schedule(&world, &daily));
    eventually("the schedule has published", || n_generations(&world) > 1);
    assert_eq!(process.terminate().status.code(), Some(0));
}

#[test]
fn a_failed_run_is_retried_and_reported() {
    let world = World::new();
    let absent = world.path("absent.csv");
    let mut once = schedule(&world, &["--once", "--retries", "2", "--retry-after", "50ms", "--ratings"]);
    let ended = Ended::of(once.arg(&absent));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.stderr.matches("starting a run").count(), 3, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("absent.csv").count(), 3, "{}", ended.stderr);
    for says in ["retry 1 of 2 in 50ms", "retry 2 of 2 in 100ms", "after 3 attempts"] {
        assert!(ended.stderr.contains(says), "no `{says}` in {}", ended.stderr);
    }
    // `--once` exits with the code of the run.
    let quickly = [&SMALL_MODEL[..], &["--once"]].concat();
    assert_eq!(Ended::of(&mut schedule(&world, &quickly)).status.code(), Some(0));
    // The gate refuses half of the rows. A refusal is not retried.
    let rows = fs::read(sample("ratings.csv")).unwrap();
    let half = world.write("half.csv", &rows[..rows.len() / 2]);
    let ended = Ended::of(schedule(&world, &quickly).arg("--ratings").arg(half));
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(ended.stderr.matches("starting a run").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("the gate refused"), "{}", ended.stderr);
}

#[test]
fn a_run_that_finds_the_lock_held_is_reported_and_not_retried() {
    let world = World::new();
    let mut slow = world.pipeline("run");
    slow.current_dir(sample("../..")).args(["--epochs", "5000"]).stderr(Stdio::null()).stdout(Stdio::null());
    let slow = Process::start(&mut slow);
    eventually("the slow run holds the lock", || {
        fs::read_to_string(world.output().join("LOCK")).is_ok_and(|holder| holder.contains("process"))
    });
    let ended = Ended::of(&mut schedule(&world, &["--once", "--retry-after", "10ms"]));
    assert_eq!(ended.status.code(), Some(4), "{ended:?}");
    assert_eq!(ended.stderr.matches("starting a run").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("another run holds the lock"), "{}", ended.stderr);
    drop(slow);
}

#[test]
fn the_option_next_prints_times_and_starts_no_run() {
    let world = World::new();
    let mut command = program("pipeline");
    command.arg("schedule").arg("--output").arg(world.output());
    command.args(["--next", "--cron", "30 2 * * *", "--time-zone", "Europe/Berlin"]);
    let ended = Ended::of(&mut command);
    assert!(ended.status.success(), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", ended.stdout);
    assert!(lines.iter().all(|line| line.contains(" 02:30:00 CE") || line.contains(" 03:00:00 CEST")));
    assert!(!world.output().exists());
}

#[test]
fn invalid_times_and_time_zones_are_refused_with_the_name_of_the_option() {
    let world = World::new();
    for (option, value, says) in [
        ("--cron", "30 2 * *", "4 fields"),
        ("--cron", "61 2 * * *", "`61` is no minute"),
        ("--cron", "0 0 30 2 *", "no future time"),
        ("--time-zone", "Europe/Atlantis", "IANA"),
        ("--depth", "0", "a whole number of 1 or more"),
    ] {
        let ended = Ended::of(&mut schedule(&world, &[option, value]));
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(option) && ended.stderr.contains(says), "{}", ended.stderr);
    }
    assert!(!world.output().exists());
    assert_eq!(Ended::of(&mut schedule(&world, &["--retry-after", "soon"])).status.code(), Some(2));
}
