//! Clients that are slow, many, or mean harm: others are served all the same.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::editions::{Edition, Output};
use crate::harness::{InProcess, eventually};

/// Sends bytes on a connection of their own.
fn send(server: &InProcess, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// What comes until the server closes; nothing where it does so without a word.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // A server that closes with bytes unread resets the connection.
        Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
        Err(e) => panic!("{e}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn clients_that_do_not_finish_a_request_are_cut_off_and_those_that_do_are_not() {
    let output = Output::with(&Edition::sample());
    let timeout = Duration::from_secs(2);
    let server = InProcess::ready_with(&output, |settings| settings.request_timeout = timeout);
    let begin = Instant::now();
    let unfinished: [&[u8]; 5] = [
        b"",
        b"GET /livez HTTP/1.1\r\n",
        b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\nGET /live",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\n{",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ];
    let slow = unfinished.map(|bytes| send(&server, bytes));
    // One that sends a byte now and then gains nothing by it.
    let mut dripping = send(&server, b"GET /livez HTTP/1.1\r\nx: ");
    let dripped = thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut steady = send(&server, b"");
    // Far less than the timeout, for this thread may be late; longer than it in all.
    for _ in 0..15 {
        thread::sleep(timeout / 10);
        steady.write_all(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        steady.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        while !answer.ends_with(b"ok") {
            answer.rotate_left(1);
            steady.read_exact(&mut answer[14..]).unwrap();
        }
    }
    dripped.join().unwrap();
    for (stream, sent) in slow.into_iter().zip(unfinished) {
        let answer = rest(stream);
        assert!(!answer.contains("200 OK") || sent.ends_with(b"GET /live"), "{answer}");
        if sent.starts_with(b"POST") {
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(50));
}

#[test]
fn connections_beyond_the_limit_are_told_so_and_the_others_go_on() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready_with(&output, |settings| settings.max_connections = 8);
    // With the one that the harness keeps.
    let idle: Vec<_> = (0..7).map(|_| send(&server, b"")).collect();
    eventually("the limit is reached", || server.get("/metrics").body.contains("http_connections 8"));
    let request = b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n";
    for _ in 0..300 {
        let answer = rest(send(&server, request));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.is_empty() || answer.contains("too many connections"), "{answer}");
    }
    assert_eq!(server.get("/livez").status, 200);
    drop(idle);
    eventually("there is room again", || {
        let mut stream = send(&server, request);
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200"
    });
}

#[test]
fn what_is_no_request_is_answered_with_4xx_or_not_at_all() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let many_headers = format!("GET /livez HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    let long_header = format!("GET /livez HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(10 << 20));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: t\r\n\r\n", "x".repeat(10 << 20));
    let many_parameters = format!("GET /livez?{} HTTP/1.1\r\nHost: t\r\n\r\n", "a=b&".repeat(10_000));
    let requests: [&[u8]; 12] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        many_headers.as_bytes(),
        long_header.as_bytes(),
        long_path.as_bytes(),
        many_parameters.as_bytes(),
    ];
    for request in requests {
        let mut stream = TcpStream::connect(server.address).unwrap();
        // The server may close before all of it is sent.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(stream);
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{shown}: {answer}");
    }
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn a_client_that_asks_and_never_reads_holds_up_nobody() {
    let output = Output::with(&Edition::sample());
    let timeout = Duration::from_millis(500);
    let server = InProcess::ready_with(&output, |settings| settings.request_timeout = timeout);
    let mut deaf = TcpStream::connect(server.address).unwrap();
    deaf.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: t\r\n\r\n".repeat(100);
    // It is cut off rather than answered for ever: neither its requests nor its answers are kept.
    let begin = Instant::now();
    while deaf.write_all(&request).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(50), "it is still listened to");
    }
    assert_eq!(server.get("/livez").status, 200);
}
