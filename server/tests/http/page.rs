//! The page for people, and the routes that it asks beside the others.

use std::fs;

use serde_json::json;

use crate::editions::{DEPTH, Edition, Output};
use crate::servers::InProcess;

const FILES: [(&str, &str); 3] =
    [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")];

#[test]
fn the_page_is_there_before_anything_is_published_and_may_load_nothing_from_elsewhere() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    for (target, content_type) in FILES {
        let answer = server.get(target);
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("content-type"), format!("{content_type}; charset=utf-8"));
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(!answer.body.contains("innerHTML") && !answer.body.contains("https://"), "{target}");
        let head = server.request("HEAD", target);
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(server.request("POST", target).status, 405);
    }
    for target in ["/generation", "/users", "/movies?title=x"] {
        assert_eq!(server.get(target).status, 503, "{target}");
    }
}

#[test]
fn the_page_is_sent_once_and_compressed() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    for (target, _) in FILES {
        let tag = server.get(target).header("etag").to_owned();
        assert!(!tag.is_empty(), "{target}");
        for known in [tag.as_str(), "*"] {
            let answer = server.get_with(target, "if-none-match", known);
            assert_eq!((answer.status, answer.body.as_str(), answer.header("etag")), (304, "", tag.as_str()));
        }
        assert_eq!(server.get_with(target, "if-none-match", "\"other\"").status, 200);
        let compressed = server.get(target).header("vary").to_owned();
        assert_eq!(compressed, "accept-encoding", "{target}");
    }
}

#[test]
fn movies_are_found_by_words_of_their_titles_in_any_case() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for (title, ids) in [
        ("toy+STORY", &[1][..]),
        ("1995", &[1, 2]),
        // The beginning of a word goes before what is more popular.
        ("or", &[750, 1]),
        ("o", &[750, 1]),
        ("story+jumanji", &[]),
        ("%22worrying%22", &[750]),
        ("+", &[]),
    ] {
        assert_eq!(server.get(&format!("/movies?title={title}")).ids(), ids, "{title}");
    }
    let answer = server.get("/movies?title=1995&n=1");
    assert_eq!(answer.body, r#"{"items":[{"genres":[],"id":1,"title":"Toy Story (1995)"}]}"#);
    let tag = answer.header("etag");
    assert_eq!(server.get_with("/movies?n=1&title=1995", "if-none-match", tag).status, 304);
    for bad in ["", "?title=", &format!("?title={}", "x".repeat(101)), "?title=x&n=0", "?title=x&n=51"] {
        assert_eq!(server.get(&format!("/movies{bad}")).status, 400, "{bad}");
    }
    assert_eq!(server.get(&format!("/movies?title={}&n=50", "%C3%BC".repeat(100))).status, 200);
}

#[test]
fn what_is_hidden_is_neither_found_nor_among_the_users_nor_in_a_history() {
    let output = Output::with(&Edition::sample());
    let path = output.path().join("deny.txt");
    fs::write(&path, "movie 1\nuser 0\n").unwrap();
    let server = InProcess::ready_with(&output, |settings| settings.deny_list = Some(path));
    assert_eq!(server.get("/movies?title=1995").ids(), [2]);
    assert_eq!(server.get("/users").body, r#"{"users":[18]}"#);
    let features = server.get("/features?user_id=18&returnMetadata=true").json()["features"][0].clone();
    assert_eq!(features["histories"], json!([2, 6]));
    assert_eq!(features["movies"].as_array().unwrap().len(), 2);
    let deleted = server.get("/features?user_id=0&returnMetadata=true");
    assert_eq!(deleted.body, r#"{"features":[{"histories":[],"movies":[]}]}"#);
}

#[test]
fn a_history_comes_with_titles_and_stars_for_who_asks() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let plain = server.get("/features?user_id=18");
    assert_eq!(plain.body, r#"{"features":[{"histories":[1,2,6]}]}"#);
    let described = server.get("/features?user_id=18&returnMetadata=TRUE");
    assert_ne!(plain.header("etag"), described.header("etag"));
    assert_eq!(
        described.json()["features"][0]["movies"],
        json!([
            {"genres": [], "id": 1, "title": "Toy Story (1995)", "rating": 4.0},
            {"genres": ["Adventure", "Comedy"], "id": 2, "title": "Jumanji (1995)", "rating": 4.0},
            {"genres": [], "id": 6, "title": "Movie 6", "rating": 4.0},
        ])
    );
}

#[test]
fn some_users_are_named_and_each_once() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    for (target, users) in
        [("/users", json!([0, 18])), ("/users?n=1", json!([0])), ("/users?n=50", json!([0, 18]))]
    {
        assert_eq!(server.get(target).json()["users"], users, "{target}");
    }
}

#[test]
fn the_generation_says_its_age_and_what_can_be_folded_in_and_nothing_of_its_source() {
    let output = Output::empty();
    let id = output.publish(&Edition::sample());
    let server = InProcess::ready(&output);
    let answer = server.get("/generation");
    assert_eq!(answer.header("cache-control"), "no-store");
    let generation = answer.json();
    assert_eq!(generation["id"], id.as_str());
    assert_eq!(generation["counts"]["depth"], DEPTH);
    assert_eq!(generation["stars"], json!({"min": 0.5, "max": 5.0}));
    assert!(generation["age_seconds"].as_u64().unwrap() < 3600);
    let members: Vec<_> = generation.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["age_seconds", "counts", "created_at", "id", "metrics", "stars"]);

    let output = Output::with(&Edition::without_fold_in());
    let server = InProcess::ready(&output);
    assert_eq!(server.get("/generation").json()["stars"], json!(null));
}
