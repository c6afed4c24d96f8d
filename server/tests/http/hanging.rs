//! Files that cannot be read at once.

#![cfg(target_os = "linux")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use harness::{Client, Server, eventually, program};

use crate::editions::Output;

/// The flag with which a FIFO is opened for writing only if a process reads it.
const O_NONBLOCK: i32 = 0o4000;

#[test]
fn a_deny_list_that_cannot_be_read_to_its_end_keeps_no_request_and_no_signal_waiting() {
    let output = Output::empty();
    let (list, fifo) = (output.path().join("deny.txt"), output.path().join("fifo"));
    fs::write(&list, "").unwrap();
    let mut command = program("server");
    // With a second thread for its tasks, the runtime might hide that the first one is blocked.
    command.env("TOKIO_WORKER_THREADS", "1").args(["--listen", "127.0.0.1:0", "--poll-interval", "5ms"]);
    command.arg("--store").arg(output.path()).arg("--work-dir").arg(output.path().join("work"));
    let mut server = Server::start(command.arg("--deny-list").arg(&list));
    let address = server.address();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::rename(&fifo, &list).unwrap();
    let mut writer = None;
    eventually("the server reads the list", || {
        writer = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&list).ok();
        writer.is_some()
    });
    for _ in 0..5 {
        // Each client has a connection of its own.
        assert_eq!(Client::of(address).get("/livez").status, 200);
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    drop(writer);
}
