//! End to end: real processes, real files, real HTTP.
//!
//! | module | tests |
//! |---|---|
//! | `batch` | a run: its account and its lists; the same input gives the same records |
//! | `configuring` | one file, the environment and the options set both programs; errors name what is wrong |
//! | `bad_input` | refused input: the message, the exit code, and nothing is written |
//! | `verifying` | published lists are verified, and wrong ones named by user and movie |
//! | `reporting` | the HTML report of each run |
//! | `gate` | a run that would make serving worse is kept and not published |
//! | `denying` | what a deny list names is nowhere in the next generation |
//! | `generations` | generations listed, compared, rolled back, pinned, pruned |
//! | `scheduling` | runs by a cron expression: repeated, retried, stopped |
//! | `monitoring` | the log as JSON, the file for Prometheus |
//! | `sharding` | users cut into shards get the lists of one machine |
//! | `partitioning` | ratings that were cut before a run give the same lists |
//! | `cluster` | the same on a Ballista cluster; needs `RECOMMENDER_TEST_CLUSTER` |
//! | `serving` | the answers of a server, and new generations without a lost request |
//! | `folding` | ratings folded in give the lists of the batch, for the users of the committed sample |
//! | `describing` | the description of the API is true; needs `RECOMMENDER_TEST_SCHEMA` |
//! | `browsing` | the page in Chromium; needs `RECOMMENDER_TEST_BROWSER` |
//! | `proxies` | nginx and HAProxy in front of a server; needs `RECOMMENDER_TEST_PROXIES` |
//! | `flooding` | idle and half-open connections; SIGTERM under load |
//! | `switching` | a hundred generations in turn under full load |
//! | `crashes` | runs killed at random, files damaged at random |
//! | `disasters` | runs killed at every step, full and read-only disks; needs `RECOMMENDER_TEST_ROOT` |
//! | `bucket` | the same through an object store that fails; needs `RECOMMENDER_TEST_S3` |
//! | `real_data` | the figures on the real input; needs `RECOMMENDER_TEST_DATA` |
//!
//! Modules that need a variable are built only where it is set: see `build.rs`. `browser` drives a browser. The crate
//! `harness` starts the programs, which `cargo test --workspace` has built beside this test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

#[cfg(browser)]
mod browser;

mod bad_input;
mod batch;
#[cfg(browser)]
mod browsing;
#[cfg(object_store)]
mod bucket;
#[cfg(cluster)]
mod cluster;
mod configuring;
mod crashes;
mod denying;
#[cfg(schema)]
mod describing;
#[cfg(root)]
mod disasters;
mod flooding;
mod folding;
mod gate;
mod generations;
mod monitoring;
mod partitioning;
#[cfg(proxies)]
mod proxies;
#[cfg(real_data)]
mod real_data;
mod reporting;
mod scheduling;
mod serving;
mod sharding;
mod switching;
mod verifying;
