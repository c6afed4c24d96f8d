//! Servers that start again on the work directory of one that has ended.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;

use store::layout::RECORDS;
use tempfile::TempDir;

use crate::editions::{Edition, Output};
use crate::servers::Program;

/// The log of a server that adopts a kept copy.
const TOOK_OVER: &str = "took over the kept copy of generation";
/// A user's list, and how it begins in the edition that is served.
const LIST: &str = "/recommendations?user_id=18&n=5";
const ANSWER: &str = r#"{"items":[{"id":3451},{"id":750}"#;

/// Starts a server that must come to serve, and answer.
fn serving(work: &Arc<TempDir>, output: &Output) -> Program {
    let server = Program::start_in(Arc::clone(work), output.path(), &[]);
    server.wait_until_ready(None);
    let answer = server.get(LIST);
    assert!(answer.status == 200 && answer.body.starts_with(ANSWER), "{answer:?}");
    server
}

/// Ends a server in good order. Its log is then complete.
fn stop(mut server: Program) -> String {
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    server.log()
}

/// A work directory with the copy that a server has kept, and the log of its records.
fn kept(output: &Output) -> (Arc<TempDir>, PathBuf) {
    let work = Arc::new(tempfile::tempdir().unwrap());
    stop(serving(&work, output));
    let copy = work.path().read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(copy.join("kept").is_file());
    (work, copy.join(RECORDS).join("db"))
}

#[test]
fn a_server_takes_over_the_copy_of_the_one_before_as_often_as_one_ends_in_good_order() {
    let output = Output::with(&Edition::sample());
    let (work, log) = kept(&output);
    for _ in 0..3 {
        let server = serving(&work, &output);
        assert!(log.is_file());
        assert_eq!(server.n_copies(), 1);
        let said = stop(server);
        assert!(said.contains(TOOK_OVER) && !said.contains("WARN"), "{said}");
    }
}

#[test]
fn a_server_fetches_after_one_that_was_killed() {
    let output = Output::with(&Edition::sample());
    let (work, _) = kept(&output);
    let mut killed = serving(&work, &output);
    killed.signal("KILL");
    killed.wait();
    let server = serving(&work, &output);
    assert_eq!(server.n_copies(), 1);
    let said = stop(server);
    assert!(!said.contains(TOOK_OVER) && !said.contains("WARN"), "{said}");
}

#[test]
fn a_server_fetches_what_was_published_since_and_the_kept_copy_goes() {
    let output = Output::with(&Edition::numbered(1));
    let work = Arc::new(tempfile::tempdir().unwrap());
    let first = Program::start_in(Arc::clone(&work), output.path(), &[]);
    first.wait_until_ready(None);
    stop(first);
    output.publish(&Edition::sample());
    let server = serving(&work, &output);
    assert_eq!(server.n_copies(), 1);
    let said = stop(server);
    assert!(said.contains("is not of generation") && !said.contains(TOOK_OVER), "{said}");
}

#[test]
fn of_two_servers_in_one_work_directory_one_takes_over_and_at_the_end_of_both_one_copy_is_kept() {
    let output = Output::with(&Edition::sample());
    let (work, _) = kept(&output);
    let servers = [(); 2].map(|()| Program::start_in(Arc::clone(&work), output.path(), &[]));
    servers.iter().for_each(|server| server.wait_until_ready(None));
    assert_eq!(servers[0].n_copies(), 2);
    let [first, second] = servers;
    let first = stop(first);
    let answer = second.get(LIST);
    assert!(answer.body.starts_with(ANSWER), "{answer:?}");
    let second = stop(second);
    assert_eq!(work.path().read_dir().unwrap().count(), 1);
    assert!(first.contains(TOOK_OVER) != second.contains(TOOK_OVER), "{first}\n{second}");
}

#[test]
fn a_kept_copy_that_was_cut_short_is_fetched_anew() {
    let output = Output::with(&Edition::sample());
    let (work, log) = kept(&output);
    let length = fs::metadata(&log).unwrap().len();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(length / 2).unwrap();
    let server = serving(&work, &output);
    assert_eq!(server.n_copies(), 1);
    let said = stop(server);
    assert!(said.contains("or has changed") && !said.contains(TOOK_OVER), "{said}");
}

#[test]
fn a_kept_copy_that_was_garbled_is_fetched_anew() {
    let output = Output::with(&Edition::sample());
    let (work, log) = kept(&output);
    let mut bytes = fs::read(&log).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&log, bytes).unwrap();
    let server = serving(&work, &output);
    assert_eq!(server.n_copies(), 1);
    let said = stop(server);
    assert!(said.contains("cannot open the kept copy") && !said.contains(TOOK_OVER), "{said}");
}
