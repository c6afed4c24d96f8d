//! The description of the API, the metrics and the version.

use std::collections::BTreeSet;

use harness::eventually;
use serde_json::{Value, json};

use crate::editions::{DEPTH, Edition, Output};
use crate::servers::InProcess;

#[test]
fn the_description_names_every_route_with_exactly_its_parameters() {
    let output = Output::with(&Edition::sample());
    let server = InProcess::ready(&output);
    let description = server.get("/openapi.json").json();
    let paths = description["paths"].as_object().unwrap();
    for (template, methods) in paths {
        let target = template.replace("{id}", "18");
        let parameters = methods["get"]["parameters"].as_array();
        let documented: BTreeSet<&str> = parameters
            .into_iter()
            .flatten()
            .map(|parameter| resolve(&description, parameter))
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        // The route itself says which it takes.
        let refused = server.get(&format!("{target}?nobody-knows-this=1"));
        assert_eq!(refused.status, 400, "{template}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        let taken = detail.rsplit_once("this route takes ").unwrap().1.replace(" and ", ", ");
        let taken: BTreeSet<&str> = taken.split(", ").filter(|&name| name != "none").collect();
        assert_eq!(documented, taken, "{template}");
    }
    assert!(paths["/recommendations"].get("post").is_some());
    let metrics = server.get("/metrics").body;
    for template in paths.keys() {
        assert!(metrics.contains(&format!(r#"route="{template}",method="GET",status="400""#)), "{template}");
    }
}

#[test]
fn the_description_tells_what_the_open_generation_decides() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    let before = server.get("/openapi.json").json();
    assert!(before["components"]["schemas"]["genre"].get("enum").is_none());
    output.publish(&Edition::sample());
    server.wait_until_ready(None);
    let components = server.get("/openapi.json").json()["components"].clone();
    assert_eq!(components["schemas"]["genre"]["enum"], json!(["Adventure", "Comedy", "War"]));
    assert_eq!(components["parameters"]["n"]["schema"]["maximum"], DEPTH);
    assert_eq!(components["schemas"]["stars"]["maximum"], 5.0);
}

/// The target of a reference.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

#[test]
fn requests_reloads_and_the_generation_are_counted() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    let metrics = || server.get("/metrics").body;
    assert!(!metrics().contains("recommender_generation{"));
    let id = output.publish(&Edition::sample());
    server.wait_until_ready(None);
    for target in ["/recommendations?user_id=18", "/recommendations?user_id=0", "/movies/1", "/nowhere"] {
        server.get(target);
    }
    server.post("/recommendations", r#"{"ratings":[]}"#);
    output.publish_damaged(&Edition::sample());
    eventually("a reload is refused", || !metrics().contains(r#"reloads_total{result="refused"} 0"#));
    let text = metrics();
    for line in [
        r#"http_requests_total{route="/recommendations",method="GET",status="200"} 2"#,
        r#"http_requests_total{route="/recommendations",method="POST",status="200"} 1"#,
        r#"http_requests_total{route="/movies/{id}",method="GET",status="200"} 1"#,
        r#"http_requests_total{route="other",method="GET",status="404"} 1"#,
        r#"http_request_duration_seconds_count{route="/recommendations",method="GET"} 2"#,
        r#"recommender_reloads_total{result="served"} 1"#,
        &format!(r#"recommender_generation{{generation="{id}","#),
        "recommender_generation_age_seconds ",
        "recommender_cache_capacity_bytes 16777216",
        "process_resident_memory_bytes ",
        "# EOF",
    ] {
        assert!(text.lines().any(|other| other.starts_with(line)), "{line} is not in {text}");
    }
}

#[test]
fn the_release_is_named() {
    let output = Output::empty();
    let server = InProcess::start(output.path());
    let answer = server.get("/version").json();
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer["format_version"], store::manifest::FORMAT_VERSION);
}
