//! The program: its help, its exit codes, its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output as Finished;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{eventually, program};

use crate::editions::{Edition, Output};
use crate::servers::Program;

fn finished(arguments: &[&str]) -> (i32, String, String) {
    let Finished { status, stdout, stderr } = program("server").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Opens a connection and sends something on it.
fn connection(address: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// Reads one answer, leaving the connection as it is; `None` where the connection ended before its first
/// byte. An answer that is cut short fails the test.
fn read_answer(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            end => return if head.is_empty() { None } else { panic!("cut short ({end:?}) after {head:?}") },
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Some(head + &String::from_utf8(body).unwrap())
}

/// Waits until the server has accepted every connection until now: it accepts in order.
fn pass(address: SocketAddr) {
    read_answer(&mut connection(address, "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")).unwrap();
}

#[test]
fn the_help_shows_the_routes_and_an_example() {
    let (code, help, _) = finished(&["--help"]);
    assert_eq!(code, 0);
    for part in [
        "--store",
        "--listen",
        "--work-dir",
        "--drain-timeout",
        "healthcheck",
        "/recommendations?user_id=18",
        "curl",
    ] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn a_wrong_command_line_is_code_2() {
    for arguments in [["--poll-interval", "0s"], ["--listen", "here"], ["--cache-mib", "0"], ["--port", "1"]]
    {
        assert_eq!(finished(&arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn an_address_in_use_is_code_1_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, log) = finished(&["--listen", &address]);
    assert_eq!(code, 1);
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let message = last["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("cannot listen on {address}: ")), "{log}");
    assert_eq!(last["level"], "ERROR");
    let (code, _, log) = finished(&["--listen", &address, "--log-format", "text"]);
    assert_eq!(code, 1);
    assert!(log.contains(&format!("error: cannot listen on {address}: ")), "{log}");
}

#[test]
fn a_work_directory_that_cannot_be_written_is_code_1_and_named() {
    let output = Output::empty();
    let file = output.path().join("file");
    std::fs::write(&file, "").unwrap();
    let work = file.join("work");
    let (code, _, log) = finished(&["--listen", "127.0.0.1:0", "--work-dir", work.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(log.contains(work.to_str().unwrap()) && log.contains("--work-dir"), "{log}");
}

#[test]
fn a_log_filter_that_is_none_is_code_2() {
    let finished =
        program("server").env("RUST_LOG", "server=loud").args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(finished.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&finished.stderr).contains("RUST_LOG is `server=loud`"));
}

#[test]
fn a_health_check_succeeds_while_the_server_lives_even_without_a_generation() {
    let output = Output::empty();
    let mut server = Program::start(output.path(), &[]);
    let address = server.address().to_string();
    assert_eq!(finished(&["healthcheck", "--listen", &address]).0, 0);
    server.signal("TERM");
    server.wait();
    let (code, _, message) = finished(&["healthcheck", "--listen", &address]);
    assert_eq!(code, 1);
    assert!(message.contains(&format!("the server on {address} is not healthy")), "{message}");
}

#[test]
fn either_signal_closes_idle_connections_and_finishes_a_request_in_flight() {
    let output = Output::with(&Edition::sample());
    for signal in ["TERM", "INT"] {
        let mut server = Program::start(output.path(), &["--drain-timeout", "60s"]);
        let address = server.address();
        let mut idle = connection(address, "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n");
        read_answer(&mut idle).unwrap();
        let mut unused = connection(address, "");
        let mut in_flight = connection(address, "GET /livez HTTP/1.1\r\n");
        pass(address);

        server.signal(signal);
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert_eq!(unused.read(&mut [0]).unwrap(), 0);
        in_flight.write_all(b"Host: test\r\n\r\n").unwrap();
        let answer = read_answer(&mut in_flight).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(in_flight.read(&mut [0]).unwrap(), 0);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    }
}

/// The time that a stopping server waits for a request that is on its way.
const LINGER: Duration = Duration::from_millis(250);

/// Asks again and again until an answer is said to be the last, and counts itself to those that have `begun` at its
/// first.
fn ask_until_the_last(mut stream: TcpStream, begun: &AtomicUsize) {
    let request = b"GET /recommendations?user_id=18 HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut n_answers = 0;
    let mut before = Instant::now();
    loop {
        let now = Instant::now();
        let sent = stream.write_all(request);
        let Some(answer) = sent.ok().and_then(|()| read_answer(&mut stream)) else {
            // A client may be closed on only if it was silent for as long as it is waited for.
            assert!(n_answers > 0 && before.elapsed() >= LINGER, "unanswered after {n_answers} answers");
            return;
        };
        assert!(answer.ends_with(r#"{"items":[{"id":3451},{"id":750}]}"#), "{answer}");
        n_answers += 1;
        before = now;
        if n_answers == 1 {
            begun.fetch_add(1, Ordering::Relaxed);
        }
        if answer.contains("connection: close") {
            return;
        }
    }
}

#[test]
fn under_load_sigterm_ends_it_with_code_0_and_every_request_is_answered() {
    let output = Output::with(&Edition::sample());
    let mut server = Program::start(output.path(), &[]);
    let address = server.address();
    server.wait_until_ready(None);
    let begun = AtomicUsize::new(0);

    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| ask_until_the_last(connection(address, ""), &begun));
        }
        eventually("every client is answered", || begun.load(Ordering::Relaxed) == 32);
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    });
    // The one that is kept for the next start.
    assert_eq!(server.n_copies(), 1);
}

#[test]
fn connections_that_were_taken_at_the_last_moment_do_not_keep_it() {
    let output = Output::empty();
    let mut server = Program::start(output.path(), &["--drain-timeout", "1h"]);
    let address = server.address();
    // Connections from before the signal until the server no longer listens.
    let unused = thread::spawn(move || {
        let connections = std::iter::repeat_with(|| TcpStream::connect(address));
        connections.take(300).map_while(Result::ok).collect::<Vec<_>>()
    });
    pass(address);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    drop(unused.join().unwrap());
}

#[test]
fn a_request_that_never_ends_is_cut_off_after_the_drain_timeout() {
    let output = Output::empty();
    let mut server = Program::start(output.path(), &["--drain-timeout", "50ms"]);
    let address = server.address();
    let _stalled = connection(address, "GET /livez HTTP/1.1\r\n");
    pass(address);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.log().contains("still in flight"), "{}", server.log());
}
