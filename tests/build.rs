//! Conditional tests: a group that needs more than a Rust toolchain is built only if its environment variable is set. A
//! test that cannot run is therefore never reported as passed. `.ci/run` sets all variables. A build warning names the
//! groups that are left out.

use std::env;

/// The environment variable of each group of tests, and the `cfg` of the group.
const WITH: [(&str, &str); 7] = [
    // The path of a directory with the real data.
    ("RECOMMENDER_TEST_DATA", "real_data"),
    // The path of `moto_server`, an S3-compatible object store, from tests/requirements.txt.
    ("RECOMMENDER_TEST_S3", "object_store"),
    // The path of `schemathesis`, which generates requests from an API description, from tests/requirements.txt.
    ("RECOMMENDER_TEST_SCHEMA", "schema"),
    // The path of `chromedriver`. Chromium is in the same directory.
    ("RECOMMENDER_TEST_BROWSER", "browser"),
    // The path of the directory with `nginx` and `haproxy`.
    ("RECOMMENDER_TEST_PROXIES", "proxies"),
    // The path of the program `pipeline` as `--features cluster` builds it.
    ("RECOMMENDER_TEST_CLUSTER", "cluster"),
    // Any value that is not empty: the tests run as root on Linux, may mount file systems, and have `strace`.
    ("RECOMMENDER_TEST_ROOT", "root"),
];

fn main() {
    let mut left_out = Vec::new();
    for (variable, cfg) in WITH {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        println!("cargo::rerun-if-env-changed={variable}");
        if env::var_os(variable).is_some_and(|value| !value.is_empty()) {
            println!("cargo::rustc-cfg={cfg}");
        } else {
            left_out.push(format!("{cfg} ({variable})"));
        }
    }
    if !left_out.is_empty() {
        println!("cargo::warning=tests left out because a variable is not set: {}", left_out.join(", "));
    }
}
