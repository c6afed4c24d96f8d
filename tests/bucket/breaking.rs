//! Stores that are killed, connections that break, runs that are killed while they send.

use std::thread;

use harness::{Ended, eventually};

use super::MIDDLE;
use super::road::{Hold, Trouble};
use super::site::{Site, generation, n_copies, while_asking_both};
use crate::crashes::while_asking;

#[test]
fn a_run_outlives_an_object_store_that_is_killed_while_it_sends() {
    let mut site = Site::new();
    let first = site.run(&[]);
    let servers = [site.serve(), site.serve()];
    site.pipelines.hold(Hold::After(MIDDLE));
    let mut run = site.another_run(&["--seed", "2"]).spawn().unwrap();
    eventually("it is sending", || site.pipelines.is_holding());
    while_asking_both(&servers, || {
        site.kill_store();
        eventually("the servers have noticed", || {
            servers.iter().all(|server| server.log().contains("cannot read s3://recs/site/CURRENT"))
        });
        assert!(run.try_wait().unwrap().is_none(), "it has given up");
        servers.iter().for_each(|server| drop(server.list_of(&first)));
        site.restart_store();
        let second = generation(&Ended::after(run));
        servers.iter().for_each(|server| server.wait_until_ready(Some(&second)));
        assert_eq!(site.current(), second);
    });
    assert_eq!(site.json("verify", &["--users", "20"])["ok"], true);
}

#[test]
fn a_server_outlives_its_object_store_and_says_once_that_it_is_not_there() {
    let mut site = Site::new();
    let first = site.run(&[]);
    let server = site.serve();
    let list = server.list_of(&first);
    while_asking(&server, || {
        site.kill_store();
        let says = "cannot read s3://recs/site/CURRENT: Connection refused";
        eventually("it has noticed", || server.log().contains(says));
        assert_eq!(server.list_of(&first), list);
        site.restart_store();
        let second = site.run(&["--seed", "2"]);
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
fn a_run_killed_anywhere_while_it_sends_leaves_what_is_served_and_the_next_one_succeeds() {
    let site = Site::new();
    let first = site.run(&[]);
    let server = site.serve();
    let list = server.list_of(&first);
    // Nothing, some files, all of them, and all but CURRENT itself are there.
    let files = ["claim", "records/conf", "records/db", "rejects.csv", "manifest.json", "CURRENT"];
    let moments = files.map(|file| Hold::Before("PUT", file)).into_iter();
    let moments = moments.chain((1..=4).map(|part| Hold::After(part * MIDDLE / 2)));
    while_asking(&server, || {
        for moment in moments {
            site.pipelines.hold(moment);
            let mut run = site.another_run(&["--seed", "2"]).spawn().unwrap();
            eventually("it is sending", || site.pipelines.is_holding());
            run.kill().unwrap();
            run.wait().unwrap();
            site.pipelines.cut();
            assert_eq!(site.current(), first, "{moment:?}");
            assert_eq!(server.list_of(&first), list);
        }
    });
    let states = site.states();
    let count = |wanted: &str| states.iter().filter(|(_, state)| state == wanted).count();
    assert_eq!((count("published"), count("ready"), count("incomplete")), (1, 1, 8), "{states:?}");
    for (id, _) in states.iter().filter(|(_, state)| state == "incomplete") {
        assert!(!site.store.keys(&format!("generations/{id}")).iter().any(|key| key.contains("manifest")));
    }

    let next = site.run(&["--seed", "2"]);
    server.wait_until_ready(Some(&next));
    assert_eq!(n_copies(&site, "sending"), 0);
}

#[test]
fn a_run_succeeds_whichever_of_its_connections_breaks() {
    let succeeds = |site: &Site, trouble: Trouble, args: &[&str]| {
        site.pipelines.set_trouble(trouble);
        let made = generation(&Ended::of(&mut site.another_run(args)));
        assert_eq!(site.current(), made, "{trouble:?}");
        site.pipelines.n_connections()
    };
    let every_connection = |trouble: fn(u64) -> Trouble| {
        let site = Site::new();
        site.run(&[]);
        let n_connections = (1..).find(|&nth| succeeds(&site, trouble(nth), &[]) < nth).unwrap();
        assert!(n_connections > 12, "only {n_connections}");
        site
    };
    let is_right = |site: &Site| {
        site.pipelines.set_trouble(Trouble::None);
        assert_eq!(site.json("verify", &["--users", "20"])["ok"], true);
    };
    // At the same time, for runs wait before they try again.
    thread::scope(|scope| {
        scope.spawn(|| is_right(&every_connection(Trouble::Reset)));
        let site = every_connection(Trouble::Lost);
        // The connections that begin, fill and end an upload in parts.
        for nth in 7..=11 {
            succeeds(&site, Trouble::Lost(nth), &["--depth", "2000"]);
        }
        is_right(&site);
    });
}

#[test]
fn a_server_that_cannot_fetch_a_generation_whole_keeps_the_old_one_until_it_can() {
    let site = Site::new();
    let first = site.run(&[]);
    let server = site.serve();
    let list = server.list_of(&first);
    let second = while_asking(&server, || {
        site.servers.set_trouble(Trouble::CutAfter(20 << 10));
        let second = site.run(&["--seed", "2"]);
        let says = format!(
            "cannot serve generation {second}: cannot fetch s3://recs/site/generations/{second}/records/db"
        );
        let mut most_copies = 0;
        eventually("it has noticed", || {
            most_copies = most_copies.max(n_copies(&site, "work"));
            server.log().contains(&says)
        });
        assert!(most_copies <= 2, "{most_copies}");
        assert_eq!(server.list_of(&first), list);
        site.servers.set_trouble(Trouble::None);
        server.wait_until_ready(Some(&second));
        second
    });
    // A fetch that breaks now and then goes on from there.
    site.servers.set_trouble(Trouble::CutAfter(700 << 10));
    let third = site.run(&["--seed", "3"]);
    server.wait_until_ready(Some(&third));
    assert!(!server.log().contains(&format!("cannot serve generation {third}")));
    // Its own and the one before.
    eventually("the copies are two", || n_copies(&site, "work") == 2);
    site.prints("rollback", &[&second]);
    server.wait_until_ready(Some(&second));
}
