//! What the routes answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::editions::{Edition, Output};
use crate::harness::InProcess;

fn sample() -> (Output, InProcess) {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    (output, server)
}

#[test]
fn a_user_gets_two_movies_of_the_own_list() {
    let (output, server) = sample();
    let answer = server.get("/recommendations?user_id=18");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"items":[{"id":3451},{"id":750}]}"#);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-recommendation-source"), "personal");
    let published = store::Repository::in_directory(output.path()).current().unwrap().unwrap();
    assert_eq!(answer.header("x-generation"), published.as_str());
}

#[test]
fn metadata_comes_with_every_movie_even_one_without_a_record() {
    let (_output, server) = sample();
    let expected = concat!(
        r#"{"items":[{"genres":[],"id":3451,"title":"Movie 3451"},{"genres":["Comedy","War"],"id":750,"#,
        r#""title":"Dr. Strangelove or: How I Learned to Stop \"Worrying\" (1964)"}]}"#
    );
    for value in ["true", "True", "TRUE"] {
        let answer = server.get(&format!("/recommendations?user_id=18&returnMetadata={value}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    }
    let answer = server.get("/recommendations?user_id=18&returnMetadata=False");
    assert_eq!(answer.body, r#"{"items":[{"id":3451},{"id":750}]}"#);
}

#[test]
fn n_movies_are_answered_up_to_the_depth_or_the_end_of_the_list() {
    let (_output, server) = sample();
    let body = |target: &str| server.get(target).body;
    assert_eq!(body("/recommendations?user_id=18&n=1"), r#"{"items":[{"id":3451}]}"#);
    assert_eq!(
        body("/recommendations?user_id=18&n=5"),
        r#"{"items":[{"id":3451},{"id":750},{"id":1},{"id":2},{"id":3}]}"#
    );
    assert_eq!(body("/recommendations?user_id=0&n=5"), r#"{"items":[{"id":1},{"id":2}]}"#);
}

#[test]
fn an_unknown_user_gets_the_popular_movies_and_an_empty_history() {
    let (_output, server) = sample();
    let answer = server.get("/recommendations?user_id=4294967295");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"items":[{"id":1},{"id":750}]}"#));
    assert_eq!(answer.header("x-recommendation-source"), "popular");
    let answer = server.get("/features?user_id=4294967295");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"features":[{"histories":[]}]}"#));
}

#[test]
fn features_are_the_rated_movies() {
    let (_output, server) = sample();
    let answer = server.get("/features?user_id=18");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"features":[{"histories":[1,2,6]}]}"#));
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("x-generation").is_empty());
}

#[test]
fn unknown_parameters_are_ignored() {
    let (_output, server) = sample();
    let answer = server.get("/recommendations?trace=1&user_id=18&user=x&N=0&limit=-1&");
    assert_eq!(answer.body, r#"{"items":[{"id":3451},{"id":750}]}"#);
    // `n` means nothing to this route, whatever it is.
    assert_eq!(server.get("/features?user_id=18&n=x").status, 200);
}

#[test]
fn health_is_plain_text() {
    let (_output, server) = sample();
    for route in ["/livez", "/readyz"] {
        let answer = server.get(route);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let (_output, server) = sample();
    for target in ["/recommendations?user_id=18", "/features?user_id=x", "/livez", "/nowhere"] {
        let (get, mut head) = (server.get(target), server.ask("HEAD", target));
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{target}");
        // The one header that may differ from one moment to the next.
        head.headers.insert("date", get.headers["date"].clone());
        assert_eq!(head.headers, get.headers, "{target}");
    }
    // On the wire too: after the empty line comes nothing.
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"HEAD /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
}
