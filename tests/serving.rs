//! The answers of a server on the output of a run.

use harness::World;

use crate::crashes::while_requesting;

#[test]
fn the_three_requests_of_the_former_service_are_answered_in_its_form() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();

    let plain = server.get("/recommendations?user_id=18");
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), "application/json");
    assert_eq!(plain.header("x-recommendation-source"), "personal");
    let ids = plain.ids();
    assert_eq!(plain.body, format!(r#"{{"items":[{{"id":{}}},{{"id":{}}}]}}"#, ids[0], ids[1]));

    let described = server.get("/recommendations?user_id=18&returnMetadata=true");
    assert_eq!(described.ids(), ids);
    let items = described.json();
    for item in items["items"].as_array().unwrap() {
        assert!(item["genres"].is_array() && !item["title"].as_str().unwrap().is_empty());
    }
    assert!(described.body.starts_with(r#"{"items":[{"genres":["#), "{}", described.body);

    let features = server.get("/features?user_id=18");
    let history: Vec<u64> = features.json()["features"][0]["histories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect();
    assert!(history.is_sorted_by(|a, b| a < b) && history.len() >= 20);
    assert!(ids.iter().all(|id| !history.contains(id)));

    assert_eq!(server.get("/recommendations?user_id=18&n=100").ids().len(), 100);
    assert_eq!(server.get("/recommendations?user_id=18&n=101").status, 400);
    assert!(server.terminate().success());
}

#[test]
fn a_server_started_before_the_first_run_serves_its_generation() {
    let world = World::new();
    let server = world.serve();
    let answer = server.get("/recommendations?user_id=18");
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(server.get("/recommendations?user_id=eighteen").status, 400);
    world.run_quickly(&[]);
    server.wait_until_ready(None);
    assert_eq!(server.get("/recommendations?user_id=18").status, 200);
}

#[test]
fn two_servers_switch_to_new_generations_without_a_failed_request() {
    let world = World::new();
    world.run_quickly(&[]);
    let servers = [world.serve(), world.serve()];
    servers.iter().for_each(|server| server.wait_until_ready(None));
    while_requesting(&servers[0], || {
        while_requesting(&servers[1], || {
            for seed in ["2", "3"] {
                let account = world.run_quickly(&["--seed", seed]);
                let generation = account["generation"].as_str().unwrap();
                servers.iter().for_each(|server| server.wait_until_ready(Some(generation)));
            }
        });
    });
}
