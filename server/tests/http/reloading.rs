//! Generations that appear, change and are damaged while requests run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use harness::{Answer, Client, eventually};
use serde_json::Value;

use crate::editions::{DEPTH, Edition, Output};
use crate::servers::{InProcess, Program};

const ALL: &str = "/recommendations?user_id=18&n=5&returnMetadata=true";

/// The number of the edition that a full answer with metadata is from, wholly.
fn edition(answer: &Answer) -> u32 {
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), DEPTH as usize);
    let number = |item: &Value| u32::try_from(item["id"].as_u64().unwrap() / 1000).unwrap();
    let first = number(&items[0]);
    for item in items {
        assert_eq!(number(item), first);
        assert_eq!(item["title"], format!("From {first}"));
    }
    first
}

#[test]
fn before_the_first_generation_lookups_are_put_off_and_then_answered() {
    let output = Output::empty();
    // The output directory itself may appear later.
    let missing = output.path().join("output");
    let server = InProcess::start(&missing);
    for route in ["/recommendations?user_id=18", "/features?user_id=18", "/readyz"] {
        let answer = server.get(route);
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-generation"), "");
    }
    assert_eq!(server.get("/livez").status, 200);

    std::fs::create_dir(&missing).unwrap();
    let published = Output::with(&Edition::numbered(1));
    std::fs::rename(published.path().join("generations"), missing.join("generations")).unwrap();
    std::fs::rename(published.path().join("CURRENT"), missing.join("CURRENT")).unwrap();
    server.wait_until_ready(None);
    assert_eq!(edition(&server.get(ALL)), 1);
}

#[test]
fn generations_change_under_load_without_a_failed_or_a_mixed_answer() {
    const EDITIONS: u32 = 12;
    const CLIENTS: usize = 4;

    let output = Output::empty();
    let names = Mutex::new(BTreeMap::<String, u32>::new());
    let publish = |number| {
        // Held over the publishing: a client that meets a new name waits for its number.
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let id = output.publish(&Edition::numbered(number));
        names.insert(id.to_string(), number);
        id
    };
    publish(1);
    let server = InProcess::ready(&output);
    let done = AtomicBool::new(false);

    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let client = Client::of(server.address);
                while !done.load(Ordering::Relaxed) {
                    let answer = client.get(ALL);
                    let number = edition(&answer);
                    let named = names.lock().unwrap()[answer.header("x-generation")];
                    assert_eq!(number, named);
                }
            });
        }
        for number in 2..=EDITIONS {
            let id = publish(number);
            server.wait_until_ready(Some(id.as_str()));
        }
        done.store(true, Ordering::Relaxed);
    });

    eventually("the copies of the current and the one before are left", || server.n_copies() == 2);
    assert_eq!(server.stop(), 1, "the one that is kept");
}

#[test]
fn going_back_to_the_generation_before_needs_nothing_but_its_name() {
    let output = Output::empty();
    let first = output.publish(&Edition::numbered(1));
    let server = InProcess::ready(&output);
    let second = output.publish(&Edition::numbered(2));
    server.wait_until_ready(Some(second.as_str()));
    output.point_at(&first);
    server.wait_until_ready(Some(first.as_str()));
    assert_eq!(edition(&server.get(ALL)), 1);

    // The second generation has nothing but its manifest any more.
    let records = store::layout::generation_dir(output.path(), &second).join(store::layout::RECORDS);
    std::fs::remove_dir_all(records).unwrap();
    std::fs::write(output.path().join("CURRENT"), second.as_str()).unwrap();
    server.wait_until_ready(Some(second.as_str()));
    assert_eq!(edition(&server.get(ALL)), 2);
    assert_eq!(server.stop(), 1, "the one that is kept");
}

#[test]
fn a_damaged_generation_is_refused_while_the_one_before_is_served() {
    let output = Output::with(&Edition::numbered(1));
    let program = Program::start(output.path(), &[]);
    let served = || edition(&program.get(ALL));
    program.wait_until_ready(None);

    let damaged = output.publish_damaged(&Edition::numbered(2));
    let refusal = format!("cannot serve generation {damaged}");
    eventually("the damage is noticed", || program.log().contains(&refusal));
    assert_eq!(served(), 1);

    output.publish(&Edition::numbered(3));
    eventually("the next one is served", || served() == 3);
    assert_eq!(program.log().matches(&refusal).count(), 1, "{}", program.log());
}

#[test]
fn a_current_that_names_nothing_or_is_gone_changes_nothing() {
    let output = Output::with(&Edition::numbered(1));
    let program = Program::start(output.path(), &[]);
    let served = || edition(&program.get(ALL));
    program.wait_until_ready(None);

    let current = output.path().join("CURRENT");
    std::fs::write(&current, "../../etc").unwrap();
    eventually("it is noticed", || program.log().contains("names `../../etc`, which is no generation"));
    assert_eq!(served(), 1);

    std::fs::remove_file(current).unwrap();
    std::fs::remove_dir_all(output.path().join("generations")).unwrap();
    eventually("it is noticed", || program.log().contains("no generation is published"));
    assert_eq!(served(), 1);

    output.publish(&Edition::numbered(2));
    eventually("the next one is served", || served() == 2);
}
