//! Pipelines and servers that share a bucket.

use std::collections::BTreeSet;

use harness::{Ended, eventually};

use super::MIDDLE;
use super::deployment::{Deployment, connect_through, generation, n_copies, while_requesting_from_both};
use super::proxy::Hold;

#[test]
fn two_servers_serve_from_a_bucket_and_every_command_works_on_it() {
    let deployment = Deployment::new();
    // With lists of this length, the upload of the records has several parts.
    let long = |seed| deployment.run(&["--depth", "2000", "--seed", seed]);
    let first = long("1");
    assert!(deployment.store.get(&format!("generations/{first}/records/db")).len() > 8 << 20);
    let servers = [deployment.serve(), deployment.serve()];
    let served = |id: &str| {
        servers.iter().for_each(|server| server.wait_until_ready(Some(id)));
        let lists = servers.each_ref().map(|server| server.list_of(id));
        assert_eq!(lists[0], lists[1]);
        lists[0].clone()
    };
    let list = served(&first);
    let (second, next_list) = while_requesting_from_both(&servers, || {
        let second = long("2");
        let list = served(&second);
        (second, list)
    });
    assert_ne!(list, next_list);

    while_requesting_from_both(&servers, || {
        deployment.prints("rollback", &["--reason", "odd titles"]);
        assert_eq!(served(&first), list);
    });
    let state = |id: &String, state: &str| (id.clone(), state.to_owned());
    assert_eq!(deployment.states(), [state(&second, "withdrawn"), state(&first, "published")]);

    assert_eq!(deployment.json("verify", &[])["ok"], true);
    let difference = deployment.json("diff", &[&first, &second]);
    assert_eq!((&difference["users_in_both"], &difference["same_content"]), (&600.into(), &false.into()));
    deployment.prints("pin", &[&second]);
    let prune = || deployment.json("prune", &["--keep", "0", "--older-than", "0s"])["removed"].clone();
    assert_eq!(prune(), serde_json::json!([]));
    deployment.prints("unpin", &[&second]);
    assert_eq!(prune(), serde_json::json!([second]));
    assert_eq!(deployment.states(), [state(&first, "published")]);
    let left: Vec<_> = deployment.store.keys("").into_iter().filter(|key| !key.contains(&first)).collect();
    assert_eq!(left, ["CURRENT", "reports/latest.html"]);
    assert_eq!(served(&first), list);
    assert_eq!(n_copies(&deployment, "sending"), 0);
}

#[test]
fn if_two_runs_overlap_the_second_to_publish_fails_and_its_generation_is_kept() {
    let deployment = Deployment::new();
    // Once without a published generation, and once with one.
    for _ in 0..2 {
        deployment.pipelines.hold(Hold::After(MIDDLE));
        let slow = deployment.run_always(&[]).spawn().unwrap();
        eventually("the run is uploading", || deployment.pipelines.is_holding());
        let mut fast = deployment.run_always(&["--seed", "2"]);
        connect_through(&mut fast, &deployment.servers);
        let winner = generation(&Ended::of(&mut fast));
        deployment.pipelines.hold(Hold::Nowhere);

        let ended = Ended::after(slow);
        assert_eq!(ended.status.code(), Some(4), "{ended:?}");
        let says = format!("to {winner} in the meantime");
        assert!(ended.stderr.contains("CURRENT was moved by another"), "{}", ended.stderr);
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        assert_eq!(deployment.current(), winner);
        let states = deployment.states();
        let loser = states.iter().find(|(id, state)| *id != winner && state == "ready").unwrap();
        assert_eq!(states.iter().find(|(id, _)| *id == winner).unwrap().1, "published");
        // The command in the message works.
        assert!(ended.stderr.contains(&format!("pipeline rollback {}", loser.0)), "{}", ended.stderr);
        deployment.prints("rollback", &[&loser.0]);
        assert_eq!(deployment.current(), loser.0);
        assert_eq!(deployment.json("verify", &["--users", "20"])["ok"], true);
    }
}

#[test]
fn every_concurrent_run_publishes_or_reports_that_another_has() {
    let deployment = Deployment::new();
    let (mut published, mut n_reported) = (BTreeSet::new(), 0);
    for _ in 0..4 {
        let runs = ["1", "2", "3"].map(|seed| deployment.run_always(&["--seed", seed]).spawn().unwrap());
        for ended in runs.map(Ended::after) {
            match ended.status.code() {
                Some(0) => drop(published.insert(generation(&ended))),
                Some(4) => {
                    let says = ["CURRENT was moved by another", "in the same millisecond"];
                    assert!(says.iter().any(|says| ended.stderr.contains(says)), "{ended:?}");
                    n_reported += 1;
                }
                _ => panic!("{ended:?}"),
            }
        }
        assert!(published.contains(&deployment.current()));
    }
    assert_eq!(published.len() + n_reported, 12);
    assert!(published.len() >= 4);
    // No run has damaged the generation of another.
    assert!(deployment.states().iter().all(|(_, state)| state == "published" || state == "ready"));
    assert_eq!(deployment.json("verify", &["--users", "20"])["ok"], true);
}
