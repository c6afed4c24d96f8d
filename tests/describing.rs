//! The description of the API is true: schemathesis sends requests that it allows, and many that it does not.

use std::env;
use std::process::Command;

use harness::{Ended, World};

#[test]
fn requests_made_from_the_description_find_nothing_that_it_does_not_say() {
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
