//! Servers that own some of the users, and what they say of the others.

use harness::Answer;
use serde_json::json;
use store::UserId;
use store::shards::{Owned, shard_of};

use crate::editions::{Edition, Output};
use crate::servers::InProcess;

const N_SHARDS: u32 = 16;
/// In shards of their own: of the one a server owns, of the other not.
const MINE: u32 = 18;
const OTHERS: u32 = 0;

fn owned() -> Owned {
    let (mine, others) = (shard_of(UserId::new(MINE), N_SHARDS), shard_of(UserId::new(OTHERS), N_SHARDS));
    assert_ne!(mine, others);
    mine.to_string().parse().unwrap()
}

/// A server that owns all, and one that owns some, with an address to lead to or none.
fn both(output: &Output, leads_to: Option<&str>) -> (InProcess, InProcess) {
    output.publish_cut(&Edition::sample(), N_SHARDS);
    let some = InProcess::ready_with(output, |settings| {
        settings.shards = owned();
        settings.shards_redirect = leads_to.map(str::to_owned);
    });
    (InProcess::ready(output), some)
}

/// Each route that asks for a user's records.
fn routes(user: u32) -> [String; 4] {
    [
        format!("/recommendations?user_id={user}"),
        format!("/features?user_id={user}"),
        format!("/features?user_id={user}&returnMetadata=true"),
        format!("/users/{user}/because?movie=1"),
    ]
}

fn is_misdirected(answer: &Answer) {
    assert_eq!((answer.status, answer.header("cache-control")), (421, "no-store"), "{answer:?}");
    assert!(answer.header("etag").is_empty(), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["errors"][0]["parameter"], "user_id", "{answer:?}");
    assert!(problem["detail"].as_str().unwrap().contains("does not own"), "{answer:?}");
}

#[test]
fn a_user_of_another_s_shard_is_answered_by_that_one_alone_whatever_the_client_has() {
    let output = Output::empty();
    let (all, some) = both(&output, None);
    for (mine, others) in routes(MINE).into_iter().zip(routes(OTHERS)) {
        let (expected, found) = (all.get(&mine), some.get(&mine));
        assert_eq!((found.status, &found.body), (200, &expected.body), "{mine}");
        let tag = all.get(&others).header("etag").to_owned();
        assert!(!tag.is_empty(), "{others}");
        assert_eq!(all.get_with(&others, "if-none-match", &tag).status, 304, "{others}");
        for of_client in ["\"another\"", &tag, "*"] {
            let answer = some.get_with(&others, "if-none-match", of_client);
            is_misdirected(&answer);
            assert_eq!(
                answer.header("x-shard"),
                shard_of(UserId::new(OTHERS), N_SHARDS).to_string(),
                "{others}"
            );
        }
    }
    // Several users have no common shard, so none is named.
    let many = some.get(&format!("/recommendations?user_id={MINE},{OTHERS}"));
    is_misdirected(&many);
    assert!(many.header("x-shard").is_empty(), "{many:?}");
    for both_answer in ["/movies/1", "/movies/750/similar", "/search?q=toy"] {
        assert_eq!(some.get(both_answer).body, all.get(both_answer).body, "{both_answer}");
    }
}

#[test]
fn a_client_is_led_by_an_answer_without_a_body_to_where_the_settings_say() {
    let output = Output::empty();
    let (_, some) = both(&output, Some("http://127.0.0.1:1/of-{shard}"));
    for others in routes(OTHERS) {
        let answer = some.get(&others);
        assert_eq!((answer.status, answer.body.as_str()), (307, ""), "{answer:?}");
        let shard = shard_of(UserId::new(OTHERS), N_SHARDS);
        assert_eq!(answer.header("location"), format!("http://127.0.0.1:1/of-{shard}{others}"));
        assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", ""));
    }
    is_misdirected(&some.get(&format!("/recommendations?user_id={MINE},{OTHERS}")));
    let metrics = some.get("/metrics").body;
    for (status, n) in [(307, 1), (421, 1)] {
        let line =
            format!(r#"http_requests_total{{route="/recommendations",method="GET",status="{status}"}} {n}"#);
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[test]
fn what_is_served_of_a_generation_that_is_cut_is_as_the_description_says() {
    let output = Output::empty();
    let (_, some) = both(&output, None);
    let shards = &some.get("/generation").json()["shards"];
    assert_eq!(*shards, json!({ "n": N_SHARDS, "owned": owned().to_string() }));
    let schema = &some.get("/openapi.json").json()["components"]["schemas"]["generation"];
    for member in shards.as_object().unwrap().keys() {
        assert!(schema["properties"]["shards"]["properties"].get(member).is_some(), "{member}");
    }
}
