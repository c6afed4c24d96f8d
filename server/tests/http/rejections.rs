//! Requests that the routes refuse, and the answers.

use harness::Answer;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

/// The detail of an answer that must be a problem of the given status, in full and in order.
fn detail(answer: &Answer, status: u16, title: &str) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let head = format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"#);
    assert!(answer.body.starts_with(&head), "{answer:?}");
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    document["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_user_id_that_is_missing_repeated_or_no_number_is_refused_by_both_routes() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let queries = ["", "?", "?user_id", "?user_id=", "?user_id=eighteen", "?user_id=18.0", "?user_id=-1"];
    let more = ["?user_id=4294967296", "?user_id=18&user_id=18", "?user_id=%00", "?USER_ID=18"];
    for route in ["/recommendations", "/features"] {
        for query in queries.iter().chain(&more) {
            let answer = server.get(&format!("{route}{query}"));
            assert!(detail(&answer, 400, "Bad Request").contains("user_id "), "{query}: {answer:?}");
        }
    }
    let answer = server.get("/features?user_id=eighteen");
    assert_eq!(
        detail(&answer, 400, "Bad Request"),
        "user_id was given as `eighteen`; give a whole number from 0 to 4294967295, as in user_id=18"
    );
}

#[test]
fn n_beyond_the_stored_depth_is_refused_with_the_limit() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for n in ["6", "4294967295"] {
        let answer = server.get(&format!("/recommendations?user_id=18&n={n}"));
        let detail = detail(&answer, 400, "Bad Request");
        assert!(detail.contains(n) && detail.contains("from 1 to 5"), "{detail}");
    }
    for n in ["0", "-1", "two", "", "4294967296", "2&n=2"] {
        let answer = server.get(&format!("/recommendations?user_id=18&n={n}"));
        assert!(detail(&answer, 400, "Bad Request").starts_with("n was given as"));
    }
}

#[test]
fn return_metadata_is_true_or_false() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for value in ["", "1", "yes", "truee", "true&returnMetadata=true"] {
        let answer = server.get(&format!("/recommendations?user_id=18&returnMetadata={value}"));
        assert!(detail(&answer, 400, "Bad Request").starts_with("returnMetadata was given as"));
    }
}

#[test]
fn every_parameter_that_is_unknown_or_malformed_is_named() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for (target, named) in [
        ("/recommendations?user_id=18&limit=3", &["limit"][..]),
        (
            "/recommendations?N=0&offset=-1&exclude=1,x&genre=,",
            &["user_id", "N", "offset", "exclude", "genre"],
        ),
        (
            "/recommendations?user_id=18&min_year=MCM&max_year=&withScores=1",
            &["min_year", "max_year", "withScores"],
        ),
        ("/recommendations?user_id=18&fallback=", &["fallback"]),
        ("/recommendations?user_id=18&genre=Comdy", &["genre"]),
        ("/recommendations?user_id=18&exclude_genre=Comedy,Warr", &["exclude_genre"]),
        ("/features?user_id=18&n=x", &["n"]),
        ("/features?user_id=18,19", &["user_id"]),
        ("/movies/750?returnMetadata=true", &["returnMetadata"]),
        ("/movies/750/similar?n=0", &["n"]),
        ("/users/18/because?n=0", &["movie", "n"]),
        ("/movies?n=51", &["title", "n"]),
        ("/movies?title=", &["title"]),
        ("/users?n=0&from=1", &["n", "from"]),
        ("/generation?x=1", &["x"]),
        ("/?x=1", &["x"]),
        ("/livez?x", &["x"]),
        ("/readyz?x=1", &["x"]),
        ("/version?x=1", &["x"]),
        ("/metrics?x=1", &["x"]),
        ("/openapi.json?x=1", &["x"]),
    ] {
        let answer = server.get(target);
        let detail = detail(&answer, 400, "Bad Request");
        let errors = answer.json()["errors"].clone();
        let mut found: Vec<_> =
            errors.as_array().unwrap().iter().map(|error| error["parameter"].as_str().unwrap()).collect();
        let mut named = named.to_vec();
        found.sort_unstable();
        named.sort_unstable();
        assert_eq!(found, named, "{target}: {detail}");
        assert!(named.iter().all(|name| detail.contains(name)), "{detail}");
    }
    let detail = detail(&server.get("/recommendations?user_id=18&genre=Comdy"), 400, "Bad Request");
    assert!(detail.contains("`Comdy`") && detail.contains("Adventure, Comedy, War"), "{detail}");
}

#[test]
fn lists_of_ids_have_a_limit() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let ids = |n: u32| (0..n).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(server.get(&format!("/recommendations?user_id={}", ids(50))).status, 200);
    let answer = server.get(&format!("/recommendations?user_id={}", ids(51)));
    assert!(detail(&answer, 400, "Bad Request").contains("names more than 50"));
    let answer = server.get(&format!("/recommendations?user_id=18&exclude={}", ids(1001)));
    assert!(detail(&answer, 400, "Bad Request").contains("names more than 1000"));
    let genres = ["War"; 101].join(",");
    let answer = server.get(&format!("/recommendations?user_id=18&genre={genres}"));
    assert!(detail(&answer, 400, "Bad Request").contains("genre names more than 100"));
}

#[test]
fn parameters_have_a_limit() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for repeated in ["user_id=18&", "a=%31&", "x&"] {
        let answer = server.get(&format!("/recommendations?{}", repeated.repeat(5000)));
        assert!(detail(&answer, 400, "Bad Request").contains("more than 64 parameters"));
    }
}

#[test]
fn other_paths_are_not_found() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    for path in [
        "/recommendations/",
        "/Recommendations",
        "/features/18",
        "//livez",
        "/livez%20",
        "/movies/x",
        "/movies/1/",
        "/../etc/passwd",
        "/movies/../livez",
        "/%2e%2e/livez",
        "/users/18",
        "/movies/%31",
        "/movies/99999999999",
    ] {
        detail(&server.get(path), 404, "Not Found");
    }
    detail(&server.request("DELETE", "/nowhere"), 404, "Not Found");
}

#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    for route in ["/features?user_id=18", "/livez", "/readyz", "/movies/1", "/metrics"] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = server.request(method, route);
            assert!(detail(&answer, 405, "Method Not Allowed").starts_with(method));
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    let answer = server.request("PUT", "/recommendations");
    detail(&answer, 405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
}

#[test]
fn a_lookup_on_damaged_data_fails_without_telling_why() {
    let output = Output::with(&Edition::with_damaged_list());
    let server = InProcess::ready(&output);
    let answer = server.get("/recommendations?user_id=18");
    let detail = detail(&answer, 500, "Internal Server Error");
    assert!(!detail.contains("scores") && !detail.contains('/'), "{detail}");
    assert!(!answer.header("x-generation").is_empty());
    // Only that record is lost.
    assert_eq!(server.get("/recommendations?user_id=0").status, 200);
    assert_eq!(server.get("/features?user_id=18").status, 200);
}

#[test]
fn any_query_is_answered_or_refused() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let anything = "[a-zA-Z0-9_=&%+.~!$'()*,;:@/?-]{0,60}";
    let value = prop_oneof!["[0-9]{1,11}", "(true|FALSE|%31)", "[a-zA-Z0-9=%+.-]{0,8}"];
    let pair = ("(user_id|n|returnMetadata|user%5fid|genre|min_year|exclude|x)", value)
        .prop_map(|(name, value)| format!("{name}={value}"));
    let pairs = prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"));
    let query = prop_oneof![anything.prop_map(|text| text), pairs];
    let route = prop_oneof![Just("/recommendations"), Just("/features"), Just("/movies/750/similar")];

    let mut runner = TestRunner::new_with_rng(
        Config { cases: 1000, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(&(route, query), |(route, query)| {
        let answer = server.get(&format!("{route}?{query}"));
        prop_assert!(matches!(answer.status, 200 | 400), "{:?}", answer);
        Ok(())
    });
    outcome.unwrap();
}
