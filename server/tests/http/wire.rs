//! Requests as bytes on the wire: half-closed connections, and heads that HTTP does not allow.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use harness::TIMEOUT;

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

/// Sends bytes in pieces of some length, closes the sending side, and returns all that the server sends.
fn exchange(server: &InProcess, bytes: &[u8], piece: usize) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    for piece in bytes.chunks(piece) {
        // The server may have refused what came before.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
        Err(e) => panic!("{e}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all answers.
fn statuses(answers: &str) -> Vec<u16> {
    let parts = answers.split("HTTP/1.").skip(1);
    parts.filter_map(|part| part.get(2..5)?.parse().ok()).collect()
}

#[test]
fn every_complete_request_is_answered_although_the_client_has_closed_its_sending_side() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let list = "GET /recommendations?user_id=18 HTTP/1.1\r\nHost: t\r\n\r\n";
    let body = r#"{"ratings":[{"id":6,"rating":5}],"n":2}"#;
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    for (request, expected) in [
        (list.to_owned(), &[200][..]),
        ("HEAD /recommendations?user_id=18 HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.0\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.1\r\nHost: t\r\nConnection: keep-alive\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".to_owned(), &[200]),
        ("GET /livez HTTP/1.1\nHost: t\n\n".to_owned(), &[200]),
        ("\r\n\r\nGET /livez HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &[200]),
        ("GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &[404]),
        ("DELETE /livez HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &[405]),
        ("GET /movies?title=toy HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &[200]),
        ("GET /openapi.json HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n".to_owned(), &[200]),
        (
            format!("POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[200],
        ),
        (format!("POST /recommendations HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}"), &[200]),
        (
            format!(
                "POST /recommendations HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n{chunked}"
            ),
            &[200],
        ),
        (
            format!(
                "POST /recommendations HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
            &[100, 200],
        ),
        // Bodies that the route does not read, and a body that ends too early.
        (
            format!("GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{body}{list}"),
            &[200, 200],
        ),
        ("POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: 99\r\n\r\n{".to_owned(), &[400]),
        (
            format!(
                "POST /recommendations HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{list}{list}"
            ),
            &[200, 200, 200],
        ),
        (list.repeat(1000), &[200; 1000]),
        // The beginning of a request is none.
        (format!("{list}GET /livez HTTP/1.1\r\nHost:"), &[200]),
        ("GET /livez HTTP/1.1\r\nHost: t\r\n".to_owned(), &[]),
    ] {
        let pieces: &[usize] = if request.len() < 1000 { &[1, 7, usize::MAX] } else { &[5000, usize::MAX] };
        for &piece in pieces {
            let answers = exchange(&server, request.as_bytes(), piece);
            assert_eq!(statuses(&answers), expected, "{request}: {answers}");
        }
    }
}

#[test]
fn heads_that_http_does_not_allow_are_refused_with_a_problem() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let get = |more: &str| format!("GET /livez HTTP/1.1\r\nHost: t\r\n{more}\r\n");
    let post = |more: &str| format!("POST /recommendations HTTP/1.1\r\nHost: t\r\n{more}\r\n0\r\n\r\n");
    let line = |line: &str| format!("{line}\r\nHost: t\r\n\r\n");
    let host = |host: &str| format!("GET /livez HTTP/1.1\r\n{host}\r\n");
    for (request, expected) in [
        // Hosts.
        (host(""), 400),
        (host("Host: t\r\nHost: t\r\n"), 400),
        (host("Host: t\r\nhOST: u\r\n"), 400),
        (host("Host:\r\n"), 400),
        (host("Host: a b\r\n"), 400),
        (host("Host: a, b\r\n"), 400),
        (host("Host: u@t\r\n"), 400),
        (host("Host: t/livez\r\n"), 400),
        (host("Host: t:x\r\n"), 400),
        (host("Host: http://t\r\n"), 400),
        ("GET /livez HTTP/1.0\r\nHost: t\r\nHost: t\r\n\r\n".to_owned(), 400),
        ("GET http://h/livez HTTP/1.1\r\n\r\n".to_owned(), 400),
        (host("Host: t.example:8080\r\n"), 200),
        (host("Host: [::1]:80\r\n"), 200),
        ("GET /livez HTTP/1.0\r\n\r\n".to_owned(), 200),
        // The length of the body.
        (post("Transfer-Encoding: gzip, chunked\r\n"), 501),
        (post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 501),
        (post("Transfer-Encoding: chunked, chunked\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
        (post("Transfer-Encoding: chunked, gzip\r\n"), 400),
        (post("Transfer-Encoding: gzip\r\n"), 400),
        (post("Transfer-Encoding: identity\r\n"), 400),
        (post("Transfer-Encoding: xchunked\r\n"), 400),
        (post("Transfer-Encoding: chunked;q=1\r\n"), 400),
        (post("Transfer-Encoding: \"chunked\"\r\n"), 400),
        (post("Transfer-Encoding:\r\n"), 400),
        (post("Transfer-Encoding: ,chunked\r\n"), 400),
        (post("Transfer-Encoding : chunked\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
        (post("Content-Length: 5, 5\r\n"), 400),
        (post("Content-Length: +5\r\n"), 400),
        (post("Content-Length: -5\r\n"), 400),
        (post("Content-Length: 0x5\r\n"), 400),
        (post("Content-Length: 5 5\r\n"), 400),
        (post("Content-Length:\r\n"), 400),
        (post("Content-Length: 18446744073709551615\r\n"), 413),
        (post("Content-Length: 99999999999999999999\r\n"), 400),
        (post("Content-Length: 9223372036854775807\r\n"), 413),
        ("POST /recommendations HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        (get("Content-Length: 0\r\nContent-Length: 0\r\n"), 200),
        // Header lines.
        (get("X: a\r\n b\r\n"), 400),
        ("GET /livez HTTP/1.1\r\n Host: t\r\n\r\n".to_owned(), 400),
        (get("X : a\r\n"), 400),
        (get("X\r\n"), 400),
        (get(": a\r\n"), 400),
        (get("X: a\0b\r\n"), 400),
        (get("X: a\rb\r\n"), 400),
        (get("X\u{e4}: a\r\n"), 400),
        (get(&"X: y\r\n".repeat(100)), 431),
        (get(&format!("X: {}\r\n", "y".repeat(100_000))), 431),
        (get(&"X: y\r\n".repeat(99)), 200),
        (get(&format!("X: {}\r\n", "y".repeat(60_000))), 200),
        // Versions.
        (line("GET /livez HTTP/2.0"), 505),
        (line("GET /livez HTTP/1.2"), 505),
        (line("GET /livez HTTP/0.9"), 505),
        (line("GET /livez HTTP/9.9"), 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
        (line("GET /livez http/1.1"), 400),
        (line("GET /livez HTTP/1.10"), 400),
        (line("GET /livez HTTP/1"), 400),
        (line("GET /livez HTTPS/1.1"), 400),
        (line("GET /livez"), 400),
        (line("GET /livez HTTP/1.1 x"), 400),
        (line("GET  /livez HTTP/1.1"), 400),
        (line("GET\t/livez HTTP/1.1"), 400),
        (line("GET"), 400),
        (line("G\u{e4}T /livez HTTP/1.1"), 400),
        (line("(GET) /livez HTTP/1.1"), 400),
        (line("get /livez HTTP/1.1"), 405),
        // Targets.
        (line("CONNECT example.com:80 HTTP/1.1"), 400),
        (line("CONNECT / HTTP/1.1"), 400),
        (line("GET h:80 HTTP/1.1"), 400),
        (line("GET h HTTP/1.1"), 400),
        (line("GET * HTTP/1.1"), 400),
        (line("OPTIONS * HTTP/1.1"), 404),
        (line("OPTIONS /livez HTTP/1.1"), 405),
        (line("GET http://h/livez HTTP/1.1"), 200),
        (line("GET HTTPS://h:443/livez HTTP/1.1"), 200),
        (line("GET http://h HTTP/1.1"), 200),
        (line("GET http:///livez HTTP/1.1"), 400),
        (line("GET http://u@h/livez HTTP/1.1"), 400),
        (line("GET http://h:x/livez HTTP/1.1"), 400),
        (line("GET ftp://h/livez HTTP/1.1"), 400),
        (line("GET //livez HTTP/1.1"), 404),
        (line("GET /livez#now HTTP/1.1"), 400),
        (line("GET /livez\\ HTTP/1.1"), 404),
        (line("GET /movies/{id} HTTP/1.1"), 404),
        (line("GET /movies?title=L\u{e9}on HTTP/1.1"), 200),
        (line("GET livez HTTP/1.1"), 400),
        (line("GET ?n=1 HTTP/1.1"), 400),
        (format!("GET /{} HTTP/1.1\r\nHost: t\r\n\r\n", "x".repeat(100_000)), 414),
        // No HTTP.
        ("\0\0\0\0\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned(), 400),
        ("\r\n\r\n\rGET / HTTP/1.1\r\n\r\n".to_owned(), 400),
    ] {
        let pieces: &[usize] = if request.len() < 1000 { &[1, usize::MAX] } else { &[usize::MAX] };
        for &piece in pieces {
            let answers = exchange(&server, request.as_bytes(), piece);
            let shown: String = request.chars().take(200).collect();
            assert_eq!(statuses(&answers).first(), Some(&expected), "{shown:?}: {answers}");
            let (head, body) = answers.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("x-content-type-options: nosniff"), "{answers}");
            if expected >= 400 {
                assert!(head.contains("content-type: application/problem+json"), "{answers}");
                assert!(body.contains(&format!(r#""status":{expected},"detail":"#)), "{answers}");
                // Nothing behind a refused head is taken for a request.
                assert_eq!(statuses(&answers).len(), 1, "{shown:?}: {answers}");
            }
        }
    }
    let head = exchange(&server, b"HEAD /livez HTTP/1.1\r\n\r\n", usize::MAX);
    assert!(head.starts_with("HTTP/1.1 400") && head.ends_with("\r\n\r\n"), "{head}");
    let metrics = server.get("/metrics").body;
    assert!(!metrics.contains("http_requests_refused_total 0\n"), "{metrics}");
}

#[test]
fn the_answers_before_a_refused_head_are_sent_first() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let good = "GET /recommendations?user_id=18 HTTP/1.1\r\nHost: t\r\n\r\n";
    let bad = "GET /livez HTTP/1.1\r\n\r\n";
    let answers = exchange(&server, format!("{}{bad}{good}", good.repeat(50)).as_bytes(), usize::MAX);
    let expected: Vec<u16> = [vec![200; 50], vec![400]].concat();
    assert_eq!(statuses(&answers), expected, "{answers}");
}

#[test]
fn only_named_hosts_and_addresses_are_served_where_the_settings_name_hosts() {
    let output = Output::with(&Edition::sample());
    let server =
        InProcess::ready_with(&output, |settings| settings.hosts = "movies.example".parse().unwrap());
    for (request, status) in [
        ("GET /livez HTTP/1.1\r\nHost: movies.example\r\n\r\n", 200),
        ("GET /livez HTTP/1.1\r\nHost: Movies.Example.:8080\r\n\r\n", 200),
        ("GET /livez HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", 200),
        ("GET http://movies.example/livez HTTP/1.1\r\nHost: evil.test\r\n\r\n", 200),
        ("GET /livez HTTP/1.0\r\n\r\n", 200),
        ("GET /livez HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
        ("GET /livez HTTP/1.1\r\nHost: movies.example.evil.test\r\n\r\n", 421),
        ("GET /livez HTTP/1.0\r\nHost: evil.test\r\n\r\n", 421),
        ("GET http://evil.test/livez HTTP/1.1\r\nHost: movies.example\r\n\r\n", 421),
        ("HEAD / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
    ] {
        let answers = exchange(&server, request.as_bytes(), usize::MAX);
        assert_eq!(statuses(&answers), [status], "{request}: {answers}");
    }
}
