//! Killed stores, broken connections, and runs that are killed during their upload.

use std::thread;

use harness::{Ended, eventually};

use super::MIDDLE;
use super::deployment::{Deployment, generation, n_copies, while_requesting_from_both};
use super::proxy::{Fault, Hold};
use crate::crashes::while_requesting;

#[test]
fn a_run_continues_after_the_object_store_was_killed_during_the_upload() {
    let mut deployment = Deployment::new();
    let first = deployment.run(&[]);
    let servers = [deployment.serve(), deployment.serve()];
    deployment.pipelines.hold(Hold::After(MIDDLE));
    let mut run = deployment.run_always(&["--seed", "2"]).spawn().unwrap();
    eventually("the run is uploading", || deployment.pipelines.is_holding());
    while_requesting_from_both(&servers, || {
        deployment.kill_store();
        eventually("the servers log it", || {
            servers.iter().all(|server| server.log().contains("cannot read s3://recs/site/CURRENT"))
        });
        assert!(run.try_wait().unwrap().is_none(), "the run has given up");
        servers.iter().for_each(|server| drop(server.list_of(&first)));
        deployment.restart_store();
        let second = generation(&Ended::after(run));
        servers.iter().for_each(|server| server.wait_until_ready(Some(&second)));
        assert_eq!(deployment.current(), second);
    });
    assert_eq!(deployment.json("verify", &["--users", "20"])["ok"], true);
}

#[test]
fn a_server_logs_once_that_the_object_store_is_gone_and_continues_to_serve() {
    let (mut deployment, server, first, list) = Deployment::with_server();
    while_requesting(&server, || {
        deployment.kill_store();
        let says = "cannot read s3://recs/site/CURRENT: Connection refused";
        eventually("the server logs it", || server.log().contains(says));
        assert_eq!(server.list_of(&first), list);
        deployment.restart_store();
        let second = deployment.run(&["--seed", "2"]);
        server.wait_until_ready(Some(&second));
    });
    let log = server.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for says in ["AWS_ENDPOINT", "the one before is still served"] {
        assert!(warnings[0].contains(says), "{log}");
    }
}

#[test]
fn a_run_killed_during_the_upload_changes_nothing_that_is_served_and_the_next_run_succeeds() {
    let (deployment, server, first, list) = Deployment::with_server();
    // At these moments the bucket has no file, some files, all files but the manifest, and all but CURRENT.
    let files = ["claim", "records/conf", "records/db", "rejects.csv", "manifest.json", "CURRENT"];
    let moments = files.map(|file| Hold::Before("PUT", file)).into_iter();
    let moments = moments.chain((1..=4).map(|part| Hold::After(part * MIDDLE / 2)));
    while_requesting(&server, || {
        for moment in moments {
            deployment.pipelines.hold(moment);
            let mut run = deployment.run_always(&["--seed", "2"]).spawn().unwrap();
            eventually("the run is uploading", || deployment.pipelines.is_holding());
            run.kill().unwrap();
            run.wait().unwrap();
            deployment.pipelines.cut();
            assert_eq!(deployment.current(), first, "{moment:?}");
            assert_eq!(server.list_of(&first), list);
        }
    });
    let states = deployment.states();
    let count = |wanted: &str| states.iter().filter(|(_, state)| state == wanted).count();
    assert_eq!((count("published"), count("ready"), count("incomplete")), (1, 1, 8), "{states:?}");
    for (id, _) in states.iter().filter(|(_, state)| state == "incomplete") {
        assert!(
            !deployment.store.keys(&format!("generations/{id}")).iter().any(|key| key.contains("manifest"))
        );
    }

    let next = deployment.run(&["--seed", "2"]);
    server.wait_until_ready(Some(&next));
    assert_eq!(n_copies(&deployment, "sending"), 0);
}

#[test]
fn a_run_succeeds_if_any_one_of_its_connections_breaks() {
    let succeeds = |deployment: &Deployment, fault: Fault, args: &[&str]| {
        deployment.pipelines.set_fault(fault);
        let made = generation(&Ended::of(&mut deployment.run_always(args)));
        assert_eq!(deployment.current(), made, "{fault:?}");
        deployment.pipelines.n_connections()
    };
    let every_connection = |fault: fn(u64) -> Fault| {
        let deployment = Deployment::new();
        deployment.run(&[]);
        let n_connections = (1..).find(|&nth| succeeds(&deployment, fault(nth), &[]) < nth).unwrap();
        assert!(n_connections > 12, "only {n_connections}");
        deployment
    };
    let is_right = |deployment: &Deployment| {
        deployment.pipelines.set_fault(Fault::None);
        assert_eq!(deployment.json("verify", &["--users", "20"])["ok"], true);
    };
    // In parallel, since runs pause before they repeat a request.
    thread::scope(|scope| {
        scope.spawn(|| is_right(&every_connection(Fault::Reset)));
        let deployment = every_connection(Fault::Lost);
        // The connections that begin, fill and end an upload in parts.
        for nth in 7..=11 {
            succeeds(&deployment, Fault::Lost(nth), &["--depth", "2000"]);
        }
        is_right(&deployment);
    });
}

#[test]
fn a_server_serves_the_old_generation_until_it_has_fetched_the_new_one_completely() {
    let (deployment, server, first, list) = Deployment::with_server();
    let second = while_requesting(&server, || {
        deployment.servers.set_fault(Fault::CutAfter(20 << 10));
        let second = deployment.run(&["--seed", "2"]);
        let says = format!(
            "cannot serve generation {second}: cannot fetch s3://recs/site/generations/{second}/records/db"
        );
        let mut most_copies = 0;
        eventually("the server logs it", || {
            most_copies = most_copies.max(n_copies(&deployment, "work"));
            server.log().contains(&says)
        });
        assert!(most_copies <= 2, "{most_copies}");
        assert_eq!(server.list_of(&first), list);
        deployment.servers.set_fault(Fault::None);
        server.wait_until_ready(Some(&second));
        second
    });
    // A fetch whose connections break after 700 KiB is continued by the next connection.
    deployment.servers.set_fault(Fault::CutAfter(700 << 10));
    let third = deployment.run(&["--seed", "3"]);
    server.wait_until_ready(Some(&third));
    assert!(!server.log().contains(&format!("cannot serve generation {third}")));
    // The served generation and the one before.
    eventually("the copies are two", || n_copies(&deployment, "work") == 2);
    deployment.prints("rollback", &[&second]);
    server.wait_until_ready(Some(&second));
}
