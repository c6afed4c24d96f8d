//! The server conforms to the description of its API: schemathesis sends valid and invalid requests.

use std::env;
use std::process::Command;

use harness::{Ended, World};

#[test]
fn the_answers_to_generated_requests_conform_to_the_description() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let mut schemathesis = Command::new(env::var_os("RECOMMENDER_TEST_SCHEMA").unwrap());
    schemathesis.arg("run").arg(format!("http://{}/openapi.json", server.address()));
    schemathesis.args(["--seed", "1", "--max-examples", "100", "--no-color"]).current_dir(world.path(""));
    let ended = Ended::of(&mut schemathesis);
    assert!(ended.status.success(), "{}\n{}\n{}", ended.stdout, ended.stderr, server.log());
    assert!(ended.stdout.contains("Selected: 13/13"), "{}", ended.stdout);
    assert!(server.terminate().success());
}
