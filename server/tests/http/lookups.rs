//! The answers of the routes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::eventually;

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

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
fn a_part_of_a_list_may_be_asked_for() {
    let (_output, server) = sample();
    let get = |query: &str| server.get(&format!("/recommendations?user_id=18&{query}"));
    assert_eq!(get("offset=1").ids(), [750, 1]);
    assert_eq!(get("offset=3&n=2").ids(), [2, 3]);
    assert_eq!(get("exclude=3451,1&n=2").ids(), [750, 2]);
    assert_eq!(get("genre=comedy&n=1").ids(), [750]);
    assert_eq!(get("genre=Adventure,War&n=2").ids(), [750, 2]);
    assert_eq!(get("exclude_genre=War&n=2").ids(), [3451, 1]);
    assert_eq!(get("min_year=1965&n=2").ids(), [1, 2]);
    assert_eq!(get("max_year=1994&n=1").ids(), [750]);
    assert_eq!(get("min_year=1995&max_year=1995&genre=Comedy&n=1").ids(), [2]);
    for whole in ["", "n=5", "offset=3", "genre=Comedy"] {
        assert_eq!(get(whole).header("x-truncated"), "", "{whole}");
    }
}

#[test]
fn a_list_that_runs_out_before_the_candidates_do_says_so() {
    let (_output, server) = sample();
    for (query, ids) in [
        ("offset=4", &[3][..]),
        ("offset=5", &[]),
        ("offset=4294967295", &[]),
        ("genre=War&n=2", &[750]),
        ("exclude=3451,750,1,2&n=2", &[3]),
    ] {
        let answer = server.get(&format!("/recommendations?user_id=18&{query}"));
        assert_eq!((answer.ids(), answer.header("x-truncated")), (ids.to_vec(), "true"), "{query}");
    }
    // User 0 has only two candidates, and both are in the list.
    let answer = server.get("/recommendations?user_id=0&offset=1");
    assert_eq!((answer.ids(), answer.header("x-truncated")), (vec![2], ""));
}

#[test]
fn scores_and_predicted_ratings_come_when_they_are_asked_for() {
    let (_output, server) = sample();
    let answer = server.get("/recommendations?user_id=18&n=1&withScores=true");
    assert_eq!(answer.body, r#"{"items":[{"id":3451,"score":1.0,"rating":4.5}]}"#);
    let answer = server.get("/recommendations?user_id=18&n=1&offset=1&withScores=true&returnMetadata=true");
    assert!(answer.body.ends_with(r#"(1964)","score":1.0,"rating":4.5}]}"#), "{answer:?}");
}

#[test]
fn an_unknown_user_is_a_404_on_request() {
    let (_output, server) = sample();
    let answer = server.get("/recommendations?user_id=7&fallback=none");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["detail"], "there is no user 7");
    assert_eq!(server.get("/recommendations?user_id=18&fallback=none").status, 200);
    assert_eq!(server.get("/recommendations?user_id=7&fallback=popular").ids(), [1, 750]);
}

#[test]
fn many_users_are_answered_in_the_order_asked_for() {
    let (_output, server) = sample();
    let answer = server.get("/recommendations?user_id=18,7,0&n=1&offset=1");
    assert_eq!(
        answer.body,
        concat!(
            r#"{"users":[{"user_id":18,"source":"personal","truncated":false,"items":[{"id":750}]},"#,
            r#"{"user_id":7,"source":"popular","truncated":false,"items":[{"id":750}]},"#,
            r#"{"user_id":0,"source":"personal","truncated":false,"items":[{"id":2}]}]}"#
        )
    );
    let answer = server.get("/recommendations?user_id=7,18&n=1&fallback=none");
    let users = answer.json()["users"].clone();
    assert_eq!((&users[0]["source"], users[0]["items"].as_array().unwrap().len()), (&"none".into(), 0));
    assert_eq!(users[1]["items"][0]["id"], 3451);
}

#[test]
fn a_movie_is_described_and_has_similar_ones() {
    let (_output, server) = sample();
    let answer = server.get("/movies/2");
    assert_eq!(answer.body, r#"{"genres":["Adventure","Comedy"],"id":2,"title":"Jumanji (1995)"}"#);
    assert_eq!(server.get("/movies/3451").status, 404);
    let answer = server.get("/movies/750/similar?withScores=true");
    assert_eq!(answer.body, r#"{"items":[{"id":3,"score":1.0},{"id":6,"score":0.75}]}"#);
    let answer = server.get("/movies/750/similar?n=9&exclude=3");
    assert_eq!((answer.ids(), answer.header("x-truncated")), (vec![6, 1], "true"));
    assert_eq!(server.get("/movies/2/similar").status, 404);
}

#[test]
fn an_answer_that_the_client_has_is_not_sent_again() {
    let (output, server) = sample();
    let target = "/recommendations?user_id=18&n=3";
    let first = server.get(target);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && first.header("cache-control") == "private, no-cache", "{first:?}");
    // The same request in other words.
    for target in [
        target,
        "/recommendations?n=3&user_id=018&returnMetadata=FALSE",
        "/recommendations?offset=0&n=%33&user_id=18&",
    ] {
        let again = server.get_with(target, "if-none-match", &tag);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{target}");
        assert_eq!(again.header("etag"), tag);
        assert!(!again.header("x-generation").is_empty() && again.header("vary") == "accept-encoding");
    }
    let spelt = |tail: &str| server.get(&format!("{target}&{tail}")).header("etag").to_owned();
    assert_eq!(spelt("exclude=1,2&genre=War,Comedy"), spelt("genre=Comedy,War,War&exclude=2,1,2"));
    assert_ne!(spelt("exclude=1,2"), spelt("exclude=1,3"));
    for other in ["/recommendations?user_id=18&n=2", "/recommendations?user_id=0&n=3", "/features?user_id=18"]
    {
        assert_eq!(server.get_with(other, "if-none-match", &tag).status, 200, "{other}");
    }
    for target in ["/features?user_id=18", "/movies/1", "/movies/750/similar", "/users/18/because?movie=750"]
    {
        let tag = server.get(target).header("etag").to_owned();
        assert_eq!(server.get_with(target, "if-none-match", &tag).status, 304, "{target}");
    }
    // An asterisk stands for any answer, but not for none.
    for (target, status) in [
        (target, 304),
        ("/movies/750", 304),
        ("/movies/3451", 404),
        ("/recommendations?user_id=7&fallback=none", 404),
        ("/recommendations?user_id=18&n=6", 400),
    ] {
        assert_eq!(server.get_with(target, "if-none-match", "*").status, status, "{target}");
    }
    // Another generation has other tags, even with the same lists.
    output.publish(&Edition::sample());
    eventually("another tag is sent", || server.get(target).header("etag") != tag);
    assert_eq!(server.get_with(target, "if-none-match", &tag).status, 200);
}

#[test]
fn caches_may_keep_an_answer_for_max_age() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready_with(&output, |settings| settings.max_age = Duration::from_secs(90));
    assert_eq!(server.get("/features?user_id=18").header("cache-control"), "private, max-age=90");
    assert_eq!(server.get("/features?user_id=x").header("cache-control"), "");
}

#[test]
fn long_answers_are_compressed_for_clients_that_take_it() {
    let (_output, server) = sample();
    // The client decompresses and drops the header; the one that stays tells that there was a choice.
    let raw = |accepts: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!("GET /openapi.json HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{accepts}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let (plain, compressed) = (raw(""), raw("Accept-Encoding: gzip\r\n"));
    assert!(plain.contains("vary: accept-encoding") && !plain.contains("content-encoding"), "{plain}");
    assert!(compressed.contains("content-encoding: gzip") && compressed.contains("vary: accept-encoding"));
    assert!(compressed.len() * 2 < plain.len(), "{} and {}", compressed.len(), plain.len());
    assert!(!server.get_with("/features?user_id=18", "accept-encoding", "gzip").headers.contains_key("vary"));
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
        let (get, mut head) = (server.get(target), server.request("HEAD", target));
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

#[test]
fn spellings_of_a_genre_that_differ_in_case_alone_are_one_genre() {
    let output = Output::with(&Edition::in_several_spellings());
    let server = InProcess::ready(&output);
    for genre in ["drama", "Drama", "DRAMA"] {
        let list = |parameter: &str| {
            server.get(&format!("/recommendations?user_id=18&n=5&{parameter}={genre}")).ids()
        };
        assert_eq!((list("genre"), list("exclude_genre")), (vec![1, 2, 3, 5], vec![4]), "{genre}");
    }
    for genre in ["kom%C3%B6die", "KOMO%CC%88DIE"] {
        let list = server.get(&format!("/recommendations?user_id=18&n=5&genre={genre}"));
        assert_eq!(list.ids(), [2, 4], "{genre}");
    }
    // The most frequent spelling stands for all.
    let refused = server.get("/recommendations?user_id=18&genre=comedy").body;
    assert!(refused.contains("the genres are Drama, KOMO\u{308}DIE"), "{refused}");
    let movie = server.get("/movies/5").json();
    assert_eq!(movie["genres"], serde_json::json!(["Drama"]));
}

#[test]
fn titles_are_found_without_regard_to_case_and_marks() {
    let output = Output::with(&Edition::in_several_spellings());
    let server = InProcess::ready(&output);
    for (title, id) in [
        ("leon", 1),
        ("L%C3%A9on", 1),
        ("LE%CC%81ON", 1),
        ("amelie", 2),
        ("d%27AM%C3%89LIE", 2),
        ("%CE%BF%CE%B4%CF%85%CF%83%CF%83%CE%AD%CE%B1%CF%82", 3),
        ("%CE%BF%CE%B4%CF%85%CF%83%CF%83%CE%B5%CE%B1%CF%83", 3),
        ("strasse", 4),
        ("STRA%E1%BA%9EE", 4),
        ("toy", 5),
    ] {
        assert_eq!(server.get(&format!("/movies?title={title}")).ids(), [id], "{title}");
    }
    assert!(server.get("/movies?title=lion").ids().is_empty());
}
