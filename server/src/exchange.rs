//! A connection in memory, for tests and fuzz targets: bytes go through everything that those of a socket go through.

#![allow(clippy::expect_used, reason = "a panic fails the test or the fuzz target")]

use std::sync::Arc;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::runtime::Builder;

use crate::app::App;
use crate::connections::{Limits, serve_alone};
use crate::routes::{self, WorkerState};
use crate::settings::CommandLine;

/// The capacity of the connection in each direction.
const CAPACITY: usize = 1 << 16;

/// Sends bytes on a connection of a server without a generation, closes the sending side, and returns all answers.
///
/// # Panics
/// Where an answer to a complete head is missing or is that of hyper, which has no body.
pub fn exchange(bytes: &[u8]) -> Vec<u8> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("threads can be started");
    let app = App::new(CommandLine::parse_from(["server"]).settings).expect("there is no deny list");
    let app = Arc::new(app);
    let limits = Limits::of(&app);
    let service = warp::service(routes::filter(Arc::new(WorkerState(app))));
    let answers = runtime.block_on(async {
        let (client, stream) = duplex(CAPACITY);
        let (mut receiver, mut sender) = split(client);
        let send = async {
            // The server may have closed the connection.
            if sender.write_all(bytes).await.is_ok() {
                let _ = sender.shutdown().await;
            }
        };
        let mut answers = Vec::new();
        let (_, _, received) =
            tokio::join!(serve_alone(stream, service, limits), send, receiver.read_to_end(&mut answers));
        received.expect("a connection in memory does not fail");
        answers
    });
    if has_head(bytes) {
        check_first(&answers);
    }
    answers
}

/// Whether an empty line ends a head.
fn has_head(bytes: &[u8]) -> bool {
    let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
    let ends = |pattern: &[u8]| bytes[begin..].windows(pattern.len()).any(|window| window == pattern);
    ends(b"\n\r\n") || ends(b"\n\n")
}

/// Checks the first answer.
fn check_first(answers: &[u8]) {
    let text = String::from_utf8_lossy(answers);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let digits = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    let status: u16 =
        digits.and_then(|digits| digits.parse().ok()).expect("a complete head has a status line");
    assert!(status < 400 || head.contains("content-type: application/problem+json"), "{text}");
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The parts of heads.
    const PARTS: [&str; 36] = [
        "GET",
        "HEAD",
        "POST",
        "OPTIONS",
        "CONNECT",
        "get",
        " ",
        "\t",
        "/livez",
        "/recommendations",
        "*",
        "http://h",
        "h:80",
        "?user_id=1",
        "&n=\u{e9}",
        "#",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        " HTTP/2.0\r\n",
        " HTTP/1.1",
        "\r\n",
        "\n",
        "\r",
        "Host: t\r\n",
        "Host: [::1]:8\r\n",
        "Host:",
        "Content-Length: 3\r\n",
        "Content-Length: 999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Upgrade: h2c\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "\0",
    ];

    proptest! {
        #[test]
        fn every_head_is_answered(
            start in prop::option::of(prop::sample::select(vec!["GET /livez", "POST /recommendations", "GET http://h/movies"])),
            parts in vec(prop::sample::select(PARTS.to_vec()), 0..12),
            other in vec(any::<u8>(), 0..4),
        ) {
            let mut bytes = start.unwrap_or_default().as_bytes().to_vec();
            bytes.extend(parts.concat().as_bytes());
            exchange(&bytes);
            exchange(&[&bytes, &b"\r\n\r\n"[..], &bytes].concat());
            let middle = bytes.len() / 2;
            bytes.splice(middle..middle, other);
            exchange(&[&bytes[..], b"\r\n\r\n"].concat());
        }
    }

    #[test]
    fn a_client_that_sends_ahead_has_one_answer_at_a_time() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let serve = |n_requests: usize| {
            let app = Arc::new(App::new(CommandLine::parse_from(["server"]).settings).unwrap());
            let limits = Limits::of(&app);
            let service = warp::service(routes::filter(Arc::new(WorkerState(app))));
            async move {
                let (mut client, stream) = duplex(1 << 20);
                let requests = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n".repeat(n_requests);
                client.write_all(requests.as_bytes()).await.unwrap();
                client.shutdown().await.unwrap();
                tokio::spawn(serve_alone(stream, service, limits));
                client
            }
        };
        runtime.block_on(async {
            let (mut ahead, mut other) = (serve(1000).await, serve(1).await);
            let mut answer = String::new();
            other.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let mut received = vec![0; 1 << 20];
            let n = ahead.read(&mut received).await.unwrap();
            let n_before = String::from_utf8_lossy(&received[..n]).matches("HTTP/1.1 200").count();
            assert!(n_before < 8, "{n_before} answers before that of the other client");
            let mut rest = String::new();
            ahead.read_to_string(&mut rest).await.unwrap();
            assert_eq!(n_before + rest.matches("HTTP/1.1 200").count(), 1000);
        });
    }

    #[test]
    fn a_head_without_an_end_is_not_answered() {
        for bytes in ["", "\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: t\r\n"] {
            assert!(exchange(bytes.as_bytes()).is_empty(), "{bytes:?}");
        }
    }
}
