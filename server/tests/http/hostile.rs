//! Clients that are slow, many, or hostile: others are served all the same.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use harness::{Connection, TIMEOUT, eventually};

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

/// Sends bytes on a connection of their own.
fn send(server: &InProcess, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// Reads until the server closes the connection. Returns what it has sent, which may be nothing.
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

/// Reads what the server has sent, without waiting. Returns whether it has closed the connection.
fn is_closed(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    stream.set_nonblocking(true).unwrap();
    let ended = stream.read_to_end(received);
    stream.set_nonblocking(false).unwrap();
    ended.map_or_else(|e| e.kind() != ErrorKind::WouldBlock, |_| true)
}

#[test]
fn clients_that_do_not_finish_a_request_are_cut_off_and_those_that_do_are_not() {
    let output = Output::with(&Edition::sample());
    let timeout = Duration::from_secs(2);
    let server = InProcess::ready_with(&output, |settings| settings.request_timeout = timeout);
    let unfinished: [&[u8]; 5] = [
        b"",
        b"GET /livez HTTP/1.1\r\n",
        b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\nGET /live",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\n{",
        b"POST /recommendations HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ];
    let mut steady = Connection::open(server.address).unwrap();
    // The server cuts off after four fifths of the timeout at the earliest: two rounds take longer than the timeout, so
    // that `steady` would be cut off if its requests did not count.
    for _ in 0..2 {
        let slow = unfinished.map(|bytes| send(&server, bytes));
        // A byte now and then is not a request.
        let mut dripping = send(&server, b"GET /livez HTTP/1.1\r\nx: ");
        for (mut stream, sent) in slow.into_iter().zip(unfinished) {
            let mut answer = Vec::new();
            eventually("a client that does not finish its request is cut off", || {
                assert_eq!(steady.get("/livez").unwrap().status, 200);
                let _ = dripping.write_all(b"x");
                is_closed(&mut stream, &mut answer)
            });
            let answer = String::from_utf8_lossy(&answer);
            assert_eq!(answer.contains("200 OK"), sent.ends_with(b"GET /live"), "{answer}");
            if sent.starts_with(b"POST") {
                assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
            }
        }
        eventually("a client that sends a byte now and then is cut off", || {
            assert_eq!(steady.get("/livez").unwrap().status, 200);
            dripping.write_all(b"x").is_err()
        });
    }
}

#[test]
fn connections_beyond_the_limit_are_refused_and_the_others_go_on() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready_with(&output, |settings| settings.max_connections = 8);
    // The eighth is that of the test's own client.
    let idle: Vec<_> = (0..7).map(|_| send(&server, b"")).collect();
    eventually("the limit is reached", || server.get("/metrics").body.contains("http_connections 8"));
    let request = b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n";
    let answers: Vec<_> = (0..300).map(|_| rest(send(&server, request))).collect();
    let refusals: Vec<_> = answers.iter().filter(|answer| !answer.is_empty()).collect();
    assert!(!refusals.is_empty());
    for answer in refusals {
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("too many connections"), "{answer}");
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
    let mut n_answered = 0;
    for request in requests {
        let mut stream = TcpStream::connect(server.address).unwrap();
        // The server may close before all of it is sent.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let answer = rest(stream);
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]);
        let is_refusal = ["HTTP/1.1 4", "HTTP/1.1 505"].iter().any(|start| answer.starts_with(start));
        assert!(answer.is_empty() || is_refusal, "{shown}: {answer}");
        n_answered += usize::from(!answer.is_empty());
    }
    assert!(n_answered > 0);
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn a_client_that_asks_and_never_reads_is_cut_off_and_others_are_served() {
    let output = Output::with(&Edition::sample());
    let timeout = Duration::from_millis(500);
    let server = InProcess::ready_with(&output, |settings| settings.request_timeout = timeout);
    let mut deaf = TcpStream::connect(server.address).unwrap();
    deaf.set_write_timeout(Some(TIMEOUT)).unwrap();
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: t\r\n\r\n".repeat(100);
    // Neither its requests nor its answers are kept: it cannot write on.
    let mut cut_off = None;
    eventually("the client is cut off", || {
        cut_off = deaf.write_all(&request).err().map(|e| e.kind());
        cut_off.is_some()
    });
    assert!(matches!(cut_off, Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)), "{cut_off:?}");
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn bodies_that_are_being_received_share_a_bounded_memory() {
    const BODY_BYTES: usize = 15 << 20;

    let output = Output::with(&Edition::sample());
    let server = InProcess::ready_with(&output, |settings| settings.max_body_kib = 16 << 10);
    let head =
        format!("POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", BODY_BYTES + 1);
    let part = vec![b' '; BODY_BYTES];
    // Eight of them do not fit into 64 MiB.
    let mut streams: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = send(&server, head.as_bytes());
            // A server that refuses it closes the connection.
            let _ = stream.write_all(&part);
            (stream, Vec::new())
        })
        .collect();
    eventually("a body is refused", || {
        streams.iter_mut().any(|(stream, received)| {
            is_closed(stream, received);
            !received.is_empty()
        })
    });
    for (_, received) in &streams {
        let answer = String::from_utf8_lossy(received);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.is_empty() || answer.contains("retry-after: 1"), "{answer}");
    }
    assert_eq!(server.get("/recommendations?user_id=18").status, 200);
    drop(streams);
    let body = format!("{{\"ratings\":[]{}}}", " ".repeat(BODY_BYTES));
    eventually("there is memory again", || server.post("/recommendations", &body).status == 200);
}
