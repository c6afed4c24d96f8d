//! Pipelines and servers that share a bucket.

use std::collections::BTreeSet;

use harness::{Ended, eventually};

use super::MIDDLE;
use super::road::Hold;
use super::site::{Site, by, generation, n_copies, while_asking_both};

#[test]
fn two_servers_follow_a_bucket_and_every_command_works_on_it() {
    let site = Site::new();
    // Lists so long that the records are more than one part.
    let long = |seed| site.run(&["--depth", "2000", "--seed", seed]);
    let first = long("1");
    assert!(site.store.get(&format!("generations/{first}/records/db")).len() > 8 << 20);
    let servers = [site.serve(), site.serve()];
    let served = |id: &str| {
        servers.iter().for_each(|server| server.wait_until_ready(Some(id)));
        let lists = servers.each_ref().map(|server| server.list_of(id));
        assert_eq!(lists[0], lists[1]);
        lists[0].clone()
    };
    let list = served(&first);
    let (second, next_list) = while_asking_both(&servers, || {
        let second = long("2");
        let list = served(&second);
        (second, list)
    });
    assert_ne!(list, next_list);

    while_asking_both(&servers, || {
        site.prints("rollback", &["--reason", "odd titles"]);
        assert_eq!(served(&first), list);
    });
    let state = |id: &String, state: &str| (id.clone(), state.to_owned());
    assert_eq!(site.states(), [state(&second, "withdrawn"), state(&first, "published")]);

    assert_eq!(site.json("verify", &[])["ok"], true);
    let difference = site.json("diff", &[&first, &second]);
    assert_eq!((&difference["users_in_both"], &difference["same_content"]), (&600.into(), &false.into()));
    site.prints("pin", &[&second]);
    let prune = || site.json("prune", &["--keep", "0", "--older-than", "0s"])["removed"].clone();
    assert_eq!(prune(), serde_json::json!([]));
    site.prints("unpin", &[&second]);
    assert_eq!(prune(), serde_json::json!([second]));
    assert_eq!(site.states(), [state(&first, "published")]);
    let left: Vec<_> = site.store.keys("").into_iter().filter(|key| !key.contains(&first)).collect();
    assert_eq!(left, ["CURRENT", "reports/latest.html"]);
    assert_eq!(served(&first), list);
    assert_eq!(n_copies(&site, "sending"), 0);
}

#[test]
fn of_two_runs_that_overlap_one_publishes_and_the_other_reports_it_and_is_kept() {
    let site = Site::new();
    // With nothing published before, and with something.
    for _ in 0..2 {
        site.pipelines.hold(Hold::After(MIDDLE));
        let slow = site.another_run(&[]).spawn().unwrap();
        eventually("it is sending", || site.pipelines.is_holding());
        let mut fast = site.another_run(&["--seed", "2"]);
        by(&mut fast, &site.servers);
        let winner = generation(&Ended::of(&mut fast));
        site.pipelines.hold(Hold::Nowhere);

        let ended = Ended::after(slow);
        assert_eq!(ended.status.code(), Some(4), "{ended:?}");
        let says = format!("to {winner} in the meantime");
        assert!(ended.stderr.contains("CURRENT was moved by another"), "{}", ended.stderr);
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        assert_eq!(site.current(), winner);
        let states = site.states();
        let loser = states.iter().find(|(id, state)| *id != winner && state == "ready").unwrap();
        assert_eq!(states.iter().find(|(id, _)| *id == winner).unwrap().1, "published");
        // The command that the message advises.
        assert!(ended.stderr.contains(&format!("pipeline rollback {}", loser.0)), "{}", ended.stderr);
        site.prints("rollback", &[&loser.0]);
        assert_eq!(site.current(), loser.0);
        assert_eq!(site.json("verify", &["--users", "20"])["ok"], true);
    }
}

#[test]
fn of_runs_that_start_at_once_all_that_do_not_publish_say_so() {
    let site = Site::new();
    let (mut published, mut n_told) = (BTreeSet::new(), 0);
    for _ in 0..4 {
        let runs = ["1", "2", "3"].map(|seed| site.another_run(&["--seed", seed]).spawn().unwrap());
        for ended in runs.map(Ended::after) {
            match ended.status.code() {
                Some(0) => drop(published.insert(generation(&ended))),
                Some(4) => {
                    let says = ["CURRENT was moved by another", "in the same millisecond"];
                    assert!(says.iter().any(|says| ended.stderr.contains(says)), "{ended:?}");
                    n_told += 1;
                }
                _ => panic!("{ended:?}"),
            }
        }
        assert!(published.contains(&site.current()));
    }
    assert_eq!(published.len() + n_told, 12);
    assert!(published.len() >= 4);
    // No run has harmed the generation of another.
    assert!(site.states().iter().all(|(_, state)| state == "published" || state == "ready"));
    assert_eq!(site.json("verify", &["--users", "20"])["ok"], true);
}
