//! Commands that are killed before each of their system calls that write; disks that are full or read-only.
//!
//! strace kills a process at the entry of the n-th call of a kind, for every n until the process ends by itself. So every
//! state between two calls is tested. strace counts by thread; one thread makes all calls of these kinds.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::{Ended, World, eventually};
use store::layout;

use crate::crashes::{assert_next_run_succeeds, prune_to_one, run_always, while_requesting};

/// The calls that change files or make changes durable.
const CALLS: [&str; 13] = [
    "write",
    "pwrite64",
    "writev",
    "rename",
    "renameat",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "mkdir",
    "ftruncate",
    "unlink",
    "unlinkat",
    "rmdir",
];

/// The command under strace, which kills it by SIGKILL before its n-th call of a kind.
fn killed_before(command: &Command, call: &str, n: usize) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--quiet=all", "--output=/dev/null"]);
    strace.arg(format!("--trace={call}"));
    strace.arg(format!("--inject={call}:signal=KILL:when={n}"));
    strace.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        strace.current_dir(dir);
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    strace
}

/// Runs a command again and again, killed before another of its calls each time, and calls `check` after each. Returns
/// the number of kills.
fn kill_at_every_call(make: impl Fn() -> Command, check: impl Fn(&str)) -> usize {
    let mut n_kills = 0;
    for call in CALLS {
        for n in 1.. {
            let has_succeeded = killed_before(&make(), call, n).status().unwrap().success();
            check(&format!("killed before {call} {n}"));
            if has_succeeded {
                break;
            }
            n_kills += 1;
        }
    }
    n_kills
}

#[test]
fn a_run_killed_at_any_system_call_changes_nothing_that_is_served() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let run = || {
        // The run also has a leftover to remove.
        let left = layout::generations_dir(&world.output()).join("20010101T000000.000Z");
        fs::create_dir_all(left.join("records")).unwrap();
        let mut run = run_always(&world);
        run.args(["--threads", "1"]);
        run
    };
    let n_kills = while_requesting(&server, || {
        kill_at_every_call(run, |step| {
            let current = world.current();
            let content = world.open(&current).manifest().content_digest.clone();
            assert_next_run_succeeds(&world);
            assert_eq!(world.open_current().manifest().content_digest, content, "{step}");
            prune_to_one(&world);
        })
    });
    assert!(n_kills >= 30, "only {n_kills} kills");
    server.wait_until_ready(Some(world.current().as_str()));
}

#[test]
fn rollback_pin_and_prune_killed_at_any_system_call_leave_complete_generations() {
    let world = World::new();
    (1..=3).for_each(|seed| drop(world.run_quickly(&["--seed", &seed.to_string()])));
    let ids = world.repository().generations().unwrap();
    let command = |words: &[&str]| {
        let mut command = world.pipeline(words[0]);
        command.args(&words[1..]);
        command
    };
    let current_is_complete = |step: &str| {
        let current = world.current();
        assert!(ids.contains(&current), "{step}");
        drop(world.open(&current));
    };

    // The target alternates, so that each attempt has something to do.
    let n_kills = kill_at_every_call(
        || command(&["rollback", if world.current() == ids[2] { ids[0].as_str() } else { ids[2].as_str() }]),
        current_is_complete,
    );
    assert!(n_kills >= 5, "only {n_kills} kills");
    Ended::of(&mut command(&["rollback", ids[2].as_str()])).assert_success();

    let n_kills =
        kill_at_every_call(|| command(&["pin", ids[0].as_str(), "--reason", "kept"]), current_is_complete);
    assert!(n_kills >= 3, "only {n_kills} kills");
    Ended::of(&mut command(&["unpin", ids[0].as_str()])).assert_success();

    let n_kills = kill_at_every_call(
        || {
            // There must be something to prune: one generation more than the published one.
            if world.repository().generations().unwrap().len() < 2 {
                assert!(run_always(&world).status().unwrap().success());
            }
            command(&["prune", "--keep", "0", "--older-than", "0s"])
        },
        |step| {
            drop(world.open_current());
            // A generation with a manifest is complete.
            for id in world.repository().generations().unwrap() {
                match world.repository().manifest(&id) {
                    Ok(_) => drop(world.open(&id)),
                    Err(e) => assert!(matches!(e, store::Error::Incomplete { .. }), "{step}: {e}"),
                }
            }
        },
    );
    assert!(n_kills >= 3, "only {n_kills} kills");
    assert_next_run_succeeds(&world);
}

/// A small file system in memory, unmounted when it is dropped.
struct Disk<'a> {
    at: &'a Path,
}

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        let mount = ["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"];
        assert!(Command::new("mount").args(mount).arg(at).status().unwrap().success());
        Self { at }
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.at).status().unwrap().success());
    }

    /// Fills it until `free` bytes are left.
    fn fill_up_to(&self, free: u64) {
        let filler = self.at.join("filler");
        let stat = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.at).output().unwrap();
        let text = String::from_utf8(stat.stdout).unwrap();
        let figures: Vec<u64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        let available = figures[0] * figures[1];
        fs::write(filler, vec![1; available.saturating_sub(free) as usize]).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // `-l`, since the server of a failed test may still have open files.
        let _ = Command::new("umount").arg("-l").arg(self.at).status();
    }
}

/// Panics unless a command fails with code 1 because its disk is read-only.
fn fails_read_only(command: &mut Command) {
    let ended = Ended::of(command.stderr(Stdio::piped()));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Read-only file system"), "{}", ended.stderr);
}

#[test]
fn a_run_on_a_full_disk_fails_with_an_error_at_any_write() {
    let world = World::new();
    let output = world.output();
    let disk = Disk::mount(&output, "32m");
    world.run_quickly(&[]);
    let (server, first) = (world.serve_when_ready(), world.current());
    let list = server.list_of(first.as_str());
    let mut n_full = 0;
    for free_kib in (0..).map(|step| 160 * step) {
        disk.fill_up_to(free_kib << 10);
        let ended = Ended::of(run_always(&world).stderr(Stdio::piped()));
        disk.empty();
        if ended.status.success() {
            break;
        }
        assert_eq!(ended.status.code(), Some(1), "{free_kib} KiB: {ended:?}");
        assert!(ended.stderr.contains("No space left"), "{free_kib} KiB: {}", ended.stderr);
        assert_eq!(world.current(), first, "{free_kib} KiB");
        assert_eq!(server.list_of(first.as_str()), list);
        n_full += 1;
    }
    assert!(n_full >= 5, "only {n_full} failed");
    assert_next_run_succeeds(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}

#[test]
fn a_read_only_output_is_served_and_commands_that_write_report_it() {
    let world = World::new();
    let output = world.output();
    let disk = Disk::mount(&output, "32m");
    world.run_quickly(&[]);
    world.run_quickly(&["--seed", "2"]);
    let current = world.current();
    disk.remount("ro");
    let server = world.serve_when_ready();
    let list = server.list_of(current.as_str());
    fails_read_only(&mut run_always(&world));
    fails_read_only(&mut world.pipeline("rollback"));
    assert_eq!(world.current(), current);
    for command in ["generations", "verify"] {
        Ended::of(&mut world.pipeline(command)).assert_success();
    }
    assert_eq!(server.list_of(current.as_str()), list);
    disk.remount("rw");
    assert_next_run_succeeds(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}

#[test]
fn a_server_with_a_full_disk_serves_the_old_generation_until_there_is_space_for_the_new_one() {
    let world = World::new();
    world.run_quickly(&[]);
    let work = world.path("work");
    let disk = Disk::mount(&work, "16m");
    let (server, first) = (world.serve_when_ready(), world.current());
    let list = server.list_of(first.as_str());
    disk.fill_up_to(64 << 10);
    world.run_quickly(&["--seed", "2"]);
    eventually("the server logs it", || server.log().contains("No space left"));
    assert_eq!(server.list_of(first.as_str()), list);
    disk.empty();
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}
