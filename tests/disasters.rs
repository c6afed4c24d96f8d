//! Commands killed before every write, rename and sync that they make; disks that are full, or cannot be written.
//!
//! strace kills a process at the entry of the n-th call of a kind, for every n until there is none, so that every state
//! between two calls is tested. strace counts by thread; all calls that matter are made by one thread.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::{Ended, World, eventually};
use store::layout;

use crate::crashes::{another_run, the_next_run_mends_it, while_asking};

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

/// The same command, killed as `kill -9` does before its n-th call of a kind.
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

/// Kills a command before each of its calls in turn, and each time looks at what is left. Returns how often it was
/// killed.
fn killed_at_every_step(make: impl Fn() -> Command, look: impl Fn(&str)) -> usize {
    let mut n_kills = 0;
    for call in CALLS {
        for n in 1.. {
            let ended_well = killed_before(&make(), call, n).status().unwrap().success();
            look(&format!("killed before {call} {n}"));
            if ended_well {
                break;
            }
            n_kills += 1;
        }
    }
    n_kills
}

#[test]
fn a_run_that_is_killed_at_any_step_changes_nothing_that_is_served() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let run = || {
        // Something to sweep, too.
        let left = layout::generations_dir(&world.output()).join("20010101T000000.000Z");
        fs::create_dir_all(left.join("records")).unwrap();
        let mut run = another_run(&world);
        run.args(["--threads", "1"]);
        run
    };
    let n_kills = while_asking(&server, || {
        killed_at_every_step(run, |step| {
            let current = world.current();
            let content = world.open(&current).manifest().content_digest.clone();
            the_next_run_mends_it(&world);
            assert_eq!(world.open_current().manifest().content_digest, content, "{step}");
            let pruned = Ended::of(world.pipeline("prune").args(["--keep", "1", "--older-than", "0s"]));
            assert!(pruned.status.success(), "{step}: {pruned:?}");
        })
    });
    assert!(n_kills >= 30, "only {n_kills} kills");
    server.wait_until_ready(Some(world.current().as_str()));
}

#[test]
fn going_back_pinning_and_pruning_can_be_killed_at_any_step() {
    let world = World::new();
    (1..=3).for_each(|seed| drop(world.run_quickly(&["--seed", &seed.to_string()])));
    let ids = world.repository().generations().unwrap();
    let command = |words: &[&str]| {
        let mut command = world.pipeline(words[0]);
        command.args(&words[1..]);
        command
    };
    let whole = |step: &str| {
        let current = world.current();
        assert!(ids.contains(&current), "{step}");
        drop(world.open(&current));
    };

    // There and back, so that each attempt has something to do.
    let n_kills = killed_at_every_step(
        || command(&["rollback", if world.current() == ids[2] { ids[0].as_str() } else { ids[2].as_str() }]),
        whole,
    );
    assert!(n_kills >= 5, "only {n_kills} kills");
    assert!(Ended::of(&mut command(&["rollback", ids[2].as_str()])).status.success());

    let n_kills = killed_at_every_step(|| command(&["pin", ids[0].as_str(), "--reason", "kept"]), whole);
    assert!(n_kills >= 3, "only {n_kills} kills");
    assert!(Ended::of(&mut command(&["unpin", ids[0].as_str()])).status.success());

    let n_kills = killed_at_every_step(
        || {
            // There must be something to prune: one generation more than the published one.
            if world.repository().generations().unwrap().len() < 2 {
                assert!(another_run(&world).status().unwrap().success());
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
    the_next_run_mends_it(&world);
}

/// A small file system in memory, gone when dropped.
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

    /// Fills it up to some bytes.
    fn fill_but(&self, free: u64) {
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
        // Lazily: a server that a failed test leaves may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.at).status();
    }
}

/// A command that must fail with code 1 for want of a disk that can be written.
fn is_read_only(command: &mut Command) {
    let ended = Ended::of(command.stderr(Stdio::piped()));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Read-only file system"), "{}", ended.stderr);
}

#[test]
fn a_disk_that_is_full_ends_a_run_with_an_error_whenever_it_fills_up() {
    let world = World::new();
    let output = world.output();
    let disk = Disk::mount(&output, "16m");
    world.run_quickly(&[]);
    let (server, first) = (world.serve_when_ready(), world.current());
    let list = server.list_of(first.as_str());
    let mut n_full = 0;
    for free_kib in (0..).map(|step| 160 * step) {
        disk.fill_but(free_kib << 10);
        let ended = Ended::of(another_run(&world).stderr(Stdio::piped()));
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
    the_next_run_mends_it(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}

#[test]
fn an_output_that_cannot_be_written_is_served_and_every_command_says_so() {
    let world = World::new();
    let output = world.output();
    let disk = Disk::mount(&output, "16m");
    world.run_quickly(&[]);
    world.run_quickly(&["--seed", "2"]);
    let current = world.current();
    disk.remount("ro");
    let server = world.serve_when_ready();
    let list = server.list_of(current.as_str());
    is_read_only(&mut another_run(&world));
    is_read_only(&mut world.pipeline("rollback"));
    assert_eq!(world.current(), current);
    for command in ["generations", "verify"] {
        let ended = Ended::of(&mut world.pipeline(command));
        assert!(ended.status.success(), "{ended:?}");
    }
    assert_eq!(server.list_of(current.as_str()), list);
    disk.remount("rw");
    the_next_run_mends_it(&world);
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}

#[test]
fn a_server_whose_own_disk_is_full_keeps_what_it_serves_and_takes_the_next_when_there_is_room() {
    let world = World::new();
    world.run_quickly(&[]);
    let work = world.path("work");
    let disk = Disk::mount(&work, "16m");
    let (server, first) = (world.serve_when_ready(), world.current());
    let list = server.list_of(first.as_str());
    disk.fill_but(64 << 10);
    world.run_quickly(&["--seed", "2"]);
    eventually("the server has noticed", || server.log().contains("No space left"));
    assert_eq!(server.list_of(first.as_str()), list);
    disk.empty();
    server.wait_until_ready(Some(world.current().as_str()));
    drop(server);
    drop(disk);
}
