//! Helpers of tests and benchmarks that start the real programs and send requests to them.
//!
//! - [`World`]: a directory for one test, with runs of the pipeline and servers on its output
//! - [`Server`]: a server process with its log
//! - [`Client`]: requests whose answers are compared; [`Connection`]: requests under full load
//! - [`eventually`]: waits for a condition; no test waits for a fixed time
//!
//! A helper panics if its request, process or condition fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test that calls"
)]

mod client;
mod connection;
mod process;
mod world;

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use store::records::UserTerms;

pub use client::{Answer, Client};
pub use connection::{Connection, LeanAnswer, Stop};
pub use process::{Ended, Server, isolated, program, signal};
pub use world::{LIST, MEASURED, SMALL_MODEL, World, job_generation, sample, shards_done, users_file};

/// The maximum time that a test waits for a condition, longer than the slowest machine needs.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Waits until a condition holds. Panics with `what` if it does not within [`TIMEOUT`].
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < TIMEOUT, "waited too long until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Raises the limit on this process's open files to `wanted`, or to the allowed maximum. Returns the new limit, at most
/// `wanted`.
pub fn raise_file_limit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // `None` is unlimited.
    let at_most = |limit: Option<u64>| limit.map_or(wanted, |limit| wanted.min(limit as usize));
    if at_most(limit.current) < at_most(limit.maximum) {
        let raised = Rlimit { current: Some(at_most(limit.maximum) as u64), ..limit };
        setrlimit(Resource::Nofile, raised).unwrap();
    }
    at_most(limit.maximum)
}

/// The member of a JSON document at a pointer such as `/counts/users`. It must exist: a comparison of two missing members
/// would succeed.
pub fn member<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or_else(|| panic!("no member {pointer} in {document}"))
}

/// Terms of the ranking model as training with the default settings gives them, for items with `gram.len()` factors.
pub fn user_terms(unobserved: f32, gram: Vec<f32>) -> UserTerms {
    UserTerms {
        min: 0.5,
        max: 5.0,
        floor: 0.1,
        midpoint: 0.55,
        steepness: 5.5,
        activity_discount: 0.25,
        mean_activity: 0.5,
        ridge: 0.01,
        unobserved,
        gram,
        popularity_shares: Vec::new(),
    }
}
