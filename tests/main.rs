//! End to end: real processes, real files, real HTTP.
//!
//! | module | tests |
//! |---|---|
//! | `batch` | a run: its account and its lists; the same input gives the same records |
//! | `configuring` | one file, the environment and the options set both programs; errors name what is wrong |
//! | `refusing` | values that are not allowed: the option, line or variable, and code 2 |
//! | `printing` | hostile titles, notes and file names in every output of both programs |
//! | `bad_input` | refused input: the message, the exit code, and nothing is written |
//! | `verifying` | `pipeline verify` accepts published lists and names the user and movie of wrong ones |
//! | `reporting` | the HTML report of each run |
//! | `measuring` | measures and lists where ratings are few, of one time, or on another scale |
//! | `gate` | a run that would make serving worse is kept and not published |
//! | `continuity` | a run on the input of another site, or of a damaged one, is refused by the check that names it |
//! | `denying` | the entries of a deny list are in no record of the next generation |
//! | `generations` | generations listed, compared, rolled back, pinned, pruned |
//! | `scheduling` | runs by a cron expression: repeated, retried, stopped |
//! | `monitoring` | the log as JSON, the file for Prometheus |
//! | `sharding` | a run with shards gives the lists of a run without |
//! | `partitioning` | ratings that were partitioned before the run give the same lists |
//! | `cluster` | shards on a Ballista cluster; needs `RECOMMENDER_TEST_CLUSTER` |
//! | `odd_files` | a pipe, a device, a directory, a gigabyte or an unreadable file in the place of each file |
//! | `hanging` | a store and a deny list that do not answer |
//! | `limits` | programs whose file size is limited |
//! | `serving` | the answers of a server, and new generations without a lost request |
//! | `folding` | a fold-in of a user's ratings gives the list of the batch |
//! | `describing` | the server conforms to the description of its API; needs `RECOMMENDER_TEST_SCHEMA` |
//! | `browsing` | the page in Chromium; needs `RECOMMENDER_TEST_BROWSER` |
//! | `proxies` | nginx and HAProxy in front of a server; needs `RECOMMENDER_TEST_PROXIES` |
//! | `flooding` | lookups beside idle and half-open connections |
//! | `switching` | a hundred switches of the generation under full load |
//! | `crashes` | runs killed at random; damaged generations |
//! | `system_faults` | runs killed at every step, full and read-only disks; needs `RECOMMENDER_TEST_ROOT` |
//! | `bucket` | runs and servers on an object store that fails; needs `RECOMMENDER_TEST_S3` |
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
mod continuity;
mod crashes;
mod denying;
#[cfg(schema)]
mod describing;
mod flooding;
mod folding;
mod gate;
mod generations;
mod hanging;
mod limits;
mod measuring;
mod monitoring;
mod odd_files;
mod partitioning;
mod printing;
#[cfg(proxies)]
mod proxies;
#[cfg(real_data)]
mod real_data;
mod refusing;
mod reporting;
mod scheduling;
mod serving;
mod sharding;
mod switching;
#[cfg(root)]
mod system_faults;
mod verifying;
