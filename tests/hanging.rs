//! A store and a deny list that do not answer, as on a network mount whose server is gone. The server serves what it has,
//! says what it waits for, and ends when it is asked to.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use harness::{Client, Server, World, eventually, program};

/// Builds the library that lets openings hang. A Rust toolchain has a C compiler to link with.
fn library(world: &World) -> PathBuf {
    let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/hang.c"), world.path("hang.so"));
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).status();
    assert!(built.unwrap().success());
    library
}

/// A server whose openings of paths that contain a text hang while a marker exists.
fn server(world: &World, on: &str) -> Server {
    let mut command = program("server");
    command.env("LD_PRELOAD", library(world)).env("HANG_ON", on).env("HANG_WHILE", marker(world));
    command.arg("--store").arg(world.output()).args(["--listen", "127.0.0.1:0", "--poll-interval", "10ms"]);
    command.arg("--work-dir").arg(world.path("work")).arg("--deny-list").arg(world.path("deny.txt"));
    Server::start(command.args(["--drain-timeout", "1s"]))
}

fn marker(world: &World) -> PathBuf {
    world.path("marker")
}

#[test]
fn a_reading_that_hangs_is_reported_and_stops_neither_requests_nor_the_end() {
    for (on, source) in [
        ("/deny.txt", "deny_list"),
        ("/output/CURRENT", "store"),
        ("/manifest.json", "store"),
        ("/output/generations/", "store"),
    ] {
        let world = World::new();
        world.write("deny.txt", "");
        world.run_quickly(&["--seed", "1"]);
        let server = server(&world, on);
        server.wait_until_ready(None);
        let hang = |seed: &str| {
            let first = world.current();
            File::create(marker(&world)).unwrap();
            world.run_quickly(&["--seed", seed]);
            eventually("the reading is overdue", || server.get("/readyz").body.contains("has taken"));
            if source == "store" {
                server.list_of(first.as_str());
            }
            for _ in 0..5 {
                // Each client has a connection of its own.
                assert_eq!(Client::of(server.address()).get("/livez").status, 200);
            }
            let metrics = server.get("/metrics").body;
            assert!(
                metrics.contains(&format!("recommender_overdue_reads{{source=\"{source}\"}} 1")),
                "{metrics}"
            );
            metrics
        };
        let metrics = hang("2");
        // The next reading does not begin before this one has ended.
        assert!(
            metrics.contains(&format!("recommender_slow_reads_total{{source=\"{source}\"}} 1")),
            "{metrics}"
        );
        assert_eq!(server.log().matches("and goes on").count(), 1, "{}", server.log());
        fs::remove_file(marker(&world)).unwrap();
        server.wait_until_ready(Some(world.current().as_str()));
        eventually("all is well again", || server.get("/readyz").body == "ok");

        hang("3");
        assert_eq!(server.terminate().code(), Some(0), "{on}");
    }
}

#[test]
fn a_server_whose_deny_list_hangs_at_the_start_serves_nothing_and_ends_when_it_is_asked_to() {
    let world = World::new();
    world.write("deny.txt", "");
    File::create(marker(&world)).unwrap();
    let mut server = server(&world, "/deny.txt");
    eventually("it is reported", || server.log().contains("the work directory or the deny list"));
    assert!(!server.log().contains("listening"));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
