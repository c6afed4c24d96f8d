//! Files that cannot be read at once.

#![cfg(target_os = "linux")]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

use crate::editions::Output;
use crate::harness::{agent, ask, eventually, program};

/// The flag with which a FIFO is opened for writing only if a process reads it.
const O_NONBLOCK: i32 = 0o4000;

/// A server that is killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_deny_list_that_cannot_be_read_to_its_end_keeps_no_request_and_no_signal_waiting() {
    let output = Output::empty();
    let (list, fifo) = (output.path().join("deny.txt"), output.path().join("fifo"));
    fs::write(&list, "").unwrap();
    let mut command = program();
    // With a second thread for its tasks, the runtime might hide that the first one is blocked.
    command.env("TOKIO_WORKER_THREADS", "1").args(["--listen", "127.0.0.1:0", "--poll-interval", "5ms"]);
    command.arg("--store").arg(output.path()).arg("--work-dir").arg(output.path().join("work"));
    let child = command.arg("--deny-list").arg(&list).stderr(Stdio::piped()).spawn().unwrap();
    let mut server = Server(child);
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address: SocketAddr = lines
        .find_map(|line| line.split_once("listening on http://")?.1.split('"').next()?.parse().ok())
        .unwrap();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::rename(&fifo, &list).unwrap();
    let mut writer = None;
    eventually("the server reads the list", || {
        writer = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&list).ok();
        writer.is_some()
    });
    for _ in 0..5 {
        // Each agent has a connection of its own.
        assert_eq!(ask(&agent(), "GET", address, "/livez").unwrap().status, 200);
    }
    assert!(Command::new("kill").arg(server.0.id().to_string()).status().unwrap().success());
    let mut status = None;
    eventually("the program ends", || {
        status = server.0.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    drop((writer, lines));
}
