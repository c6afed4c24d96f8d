//! Programs whose file size is limited: they end with an error that says so, or do without.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use harness::{Ended, Server, World, eventually, program};

use crate::crashes::run_always;

/// The same command under a limit of the shell.
fn limited(limit: &str, command: &Command) -> Command {
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn a_run_that_may_not_write_large_files_ends_with_an_error_and_without_holding_the_lock() {
    let world = World::new();
    world.run_quickly(&[]);
    let current = world.current();
    // In KiB; the records of the sample take some megabytes.
    for size in [1, 30, 100, 1000, 2000] {
        let ended = Ended::of(limited(&format!("-f {size}"), &run_always(&world)).stderr(Stdio::piped()));
        assert_eq!(ended.status.code(), Some(1), "{size} KiB: {ended:?}");
        assert!(ended.stderr.contains("File too large"), "{size} KiB: {}", ended.stderr);
        assert_eq!(world.current(), current);
    }
    world.run_quickly(&["--seed", "2"]);
}

#[test]
fn a_server_that_may_not_write_large_files_keeps_what_it_serves_or_says_why_it_serves_nothing() {
    let world = World::new();
    world.run_quickly(&[]);
    let mut command = program("server");
    command.arg("--store").arg(world.output()).args(["--listen", "127.0.0.1:0", "--poll-interval", "10ms"]);
    command.arg("--work-dir").arg(world.path("work"));
    let server = Server::start(&mut limited("-f 100", &command));
    eventually("the failure is logged", || server.log().contains("File too large"));
    let answer = server.get("/recommendations?user_id=18");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("no space left for it"), "{answer:?}");
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("recommender_reloads_total{result=\"refused\"} 1\n"), "counted once: {metrics}");
    assert_eq!(server.terminate().code(), Some(0));
}
