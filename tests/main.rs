//! End to end: real processes, real files, real HTTP.
//!
//! | page | what it shows |
//! |---|---|
//! | `batch` | a run, whole: its account, its lists, and that the same input gives the same records |
//! | `configuring` | that one file, the environment and the options set both programs, and what is said of mistakes |
//! | `bad_input` | what is refused, in which words and with which exit code, and that nothing is touched |
//! | `verifying` | that published lists are proved, and wrong ones refused by user and movie |
//! | `reporting` | that every night has a page for people, which says what came of it and changes nothing |
//! | `gate` | that a night which would make serving worse is kept and not published |
//! | `denying` | that what a deny list names is nowhere in the next generation |
//! | `generations` | what is done with generations afterwards: listed, compared, gone back to, pinned, pruned |
//! | `scheduling` | the batch by a cron expression: again and again, retried, stopped in the middle |
//! | `monitoring` | what machines read: the log as JSON, the file for Prometheus |
//! | `sharding` | that users cut into shards get the lists of one machine, whoever computes them and is killed meanwhile |
//! | `partitioning` | that ratings which were cut before a run lead to the same lists, and bad ones to errors that name them |
//! | `cluster` | the same on a Ballista cluster; built where `RECOMMENDER_TEST_CLUSTER` names a program that has it |
//! | `serving` | what a client sees, and that a new generation is picked up without a lost request |
//! | `folding` | that ratings folded in give what the batch gives, for the users of the committed sample |
//! | `describing` | that the description of the API is true; built where `RECOMMENDER_TEST_SCHEMA` names schemathesis |
//! | `browsing` | the page in a real Chromium; built where `RECOMMENDER_TEST_BROWSER` names chromedriver |
//! | `flooding` | thousands of idle connections, SIGTERM under load: others are answered |
//! | `switching` | a hundred generations in turn under full load |
//! | `crashes` | runs killed at any moment, files damaged anywhere: what was served stays |
//! | `disasters` | runs killed at every step, full and read-only disks; built where `RECOMMENDER_TEST_ROOT` says so |
//! | `bucket` | the same through an object store that fails; built where `RECOMMENDER_TEST_S3` names one |
//! | `real_data` | the figures on the real input; built where `RECOMMENDER_TEST_DATA` says where that is |
//!
//! `client` keeps a connection and is cheap. `browser` drives a browser. `harness` starts the programs, which
//! `cargo test --workspace` has built beside this test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist: its panic is the report")]

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
#[cfg(real_data)]
mod real_data;
mod reporting;
mod scheduling;
mod serving;
mod sharding;
mod switching;
mod verifying;
