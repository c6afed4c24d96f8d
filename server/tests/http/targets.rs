//! Request targets that are not paths.

use std::io::{Read, Write};
use std::net::TcpStream;

use harness::TIMEOUT;

use crate::editions::Output;
use crate::servers::InProcess;

/// Sends a request line and returns the first line of the answer.
fn status_line(server: &InProcess, request_line: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    write!(stream, "{request_line}\r\nHost: t\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_target_without_a_path_is_answered_with_400_and_the_server_goes_on() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    for (request_line, status) in [
        ("CONNECT example.com:80 HTTP/1.1", "400"),
        ("GET h:80 HTTP/1.1", "400"),
        ("OPTIONS * HTTP/1.1", "404"),
        ("GET http://h/livez HTTP/1.1", "200"),
        ("GET http://h HTTP/1.1", "200"),
        ("GET /movies/{id} HTTP/1.1", "404"),
    ] {
        let line = status_line(&server, request_line);
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{request_line}: {line}");
    }
    assert_eq!(server.get("/livez").status, 200);
}
