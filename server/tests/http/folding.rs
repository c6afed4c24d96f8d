//! Ratings that the batch has not seen, and reasons.

use serde_json::json;

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

fn sample() -> (Output, InProcess) {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    (output, server)
}

#[test]
fn ratings_lead_to_movies_like_those_liked() {
    let (_output, server) = sample();
    let answer = server.post("/recommendations", r#"{"ratings":[{"id":6,"rating":5}],"n":2}"#);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"items":[{"id":750},{"id":3}],"unknown":[]}"#)
    );
    assert_eq!(answer.header("x-recommendation-source"), "fold-in");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("x-generation").is_empty());
    let answer = server.post("/recommendations", r#"{"ratings":[{"id":1,"rating":4.5}],"n":1}"#);
    assert_eq!(answer.ids(), [2]);
}

#[test]
fn a_fold_in_takes_the_same_parts_of_lists_from_all_candidates() {
    let (_output, server) = sample();
    let post = |more: &str| {
        server.post("/recommendations", &format!(r#"{{"ratings":[{{"id":6,"rating":5}}],{more}}}"#))
    };
    assert_eq!(post(r#""n":1000"#).ids(), [750, 3, 2, 1]);
    assert_eq!(post(r#""n":1,"offset":1"#).ids(), [3]);
    assert_eq!(post(r#""exclude":[750,3]"#).ids(), [2, 1]);
    assert_eq!(post(r#""genre":["adventure"]"#).ids(), [2]);
    assert_eq!(post(r#""max_year":1970"#).ids(), [750]);
    let answer = post(r#""n":1,"returnMetadata":true,"withScores":true"#);
    let item = &answer.json()["items"][0];
    assert_eq!(item["genres"], json!(["Comedy", "War"]));
    assert!(item["score"].as_f64().unwrap() > 0.0 && item.get("rating").is_none(), "{answer:?}");
}

#[test]
fn unknown_ids_are_reported_and_not_fatal() {
    let (_output, server) = sample();
    let body = r#"{"ratings":[{"id":6,"rating":5},{"id":99,"rating":1},{"id":3451,"rating":2}],"n":1}"#;
    let answer = server.post("/recommendations", body);
    assert_eq!(answer.body, r#"{"items":[{"id":750}],"unknown":[99,3451]}"#);
    // No known movie: the popular list without the rated movies.
    for body in [r#"{"ratings":[{"id":4,"rating":5}],"n":5}"#, r#"{"ratings":[],"n":5}"#] {
        let answer = server.post("/recommendations", body);
        assert_eq!(answer.header("x-recommendation-source"), "popular");
        assert_eq!(answer.ids()[..4], [1, 750, 2, 3]);
    }
    // The popular list ends where it is as long as lists are; what is computed is all there is.
    for (body, truncated) in [
        (r#"{"ratings":[],"n":5}"#, ""),
        (r#"{"ratings":[],"n":6}"#, "true"),
        (r#"{"ratings":[{"id":6,"rating":5}],"n":9}"#, ""),
    ] {
        assert_eq!(server.post("/recommendations", body).header("x-truncated"), truncated, "{body}");
    }
}

#[test]
fn of_several_ratings_of_a_movie_the_last_counts() {
    let (_output, server) = sample();
    let score =
        |body: &str| server.post("/recommendations", body).json()["items"][0]["score"].as_f64().unwrap();
    let once = score(r#"{"ratings":[{"id":6,"rating":5}],"withScores":true}"#);
    let twice = score(r#"{"ratings":[{"id":6,"rating":1},{"id":6,"rating":5}],"withScores":true}"#);
    assert_eq!(once, twice);
}

#[test]
fn bodies_that_cannot_be_are_refused_by_name() {
    let (_output, server) = sample();
    let genres: Vec<_> = (0..101).map(|number| format!("\"{number}\"")).collect();
    let many_genres = format!(r#"{{"ratings":[],"genre":[{}]}}"#, genres.join(","));
    for (body, named) in [
        ("", "the body cannot be read"),
        ("{", "the body cannot be read"),
        (r#"{"ratings":[{"id":1,"rating":5.5}]}"#, "5.5 for movie 1; give 0.5 to 5"),
        (r#"{"ratings":[{"id":1,"rating":0}]}"#, "0 for movie 1; give 0.5 to 5"),
        (r#"{"ratings":[],"genre":["Comdy"]}"#, "`Comdy`"),
        (r#"{"ratings":[],"n":0}"#, "n was given as 0"),
        (&many_genres, "genre names more than 100"),
        (r#"{"rating":[]}"#, "the member rating"),
    ] {
        let answer = server.post("/recommendations", body);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/problem+json"),
            "{body}"
        );
        assert!(answer.body.contains(named), "{body}: {answer:?}");
    }
    let answer = server.post("/recommendations?n=3", r#"{"ratings":[]}"#);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("members of a body"), "{answer:?}");
}

#[test]
fn a_body_over_the_cap_is_refused_whether_its_length_is_said_or_not() {
    let (_output, server) = sample();
    let body = format!(r#"{{"ratings":[]{}}}"#, " ".repeat(64 << 10));
    let answer = server.post("/recommendations", &body);
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("65536 bytes"), "{answer:?}");
}

#[test]
fn reasons_are_the_ratings_that_speak_most_for_a_movie() {
    let (_output, server) = sample();
    // User 18 has rated 1, 2 and 6 alike; 6 is most like 750.
    let answer = server.get("/users/18/because?movie=750&n=1&returnMetadata=true");
    let reasons = answer.json()["because"].clone();
    assert_eq!((&reasons[0]["id"], &reasons[0]["title"]), (&json!(6), &json!("Movie 6")));
    assert!(reasons[0]["share"].as_f64().unwrap() > 0.5, "{answer:?}");
    let reasons = server.get("/users/18/because?movie=750&n=9").json()["because"].clone();
    let shares: Vec<f64> =
        reasons.as_array().unwrap().iter().map(|reason| reason["share"].as_f64().unwrap()).collect();
    assert!(
        shares.is_sorted_by(|a, b| a >= b) && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-5,
        "{shares:?}"
    );
    for unknown in ["/users/7/because?movie=750", "/users/18/because?movie=3451"] {
        assert_eq!(server.get(unknown).status, 404, "{unknown}");
    }
}

#[test]
fn where_predicted_stars_order_the_lists_nothing_can_be_folded_in() {
    let output = Output::with(&Edition::without_fold_in());
    let server = InProcess::ready(&output);
    let answer = server.post("/recommendations", r#"{"ratings":[{"id":6,"rating":5}]}"#);
    assert_eq!((answer.status, answer.header("content-type")), (501, "application/problem+json"));
    assert_eq!(server.get("/users/18/because?movie=750").status, 501);
    assert_eq!(server.get("/recommendations?user_id=18").status, 200);
}
