//! Tests that need more than a Rust toolchain are built only where a variable says that it is there: none of them can
//! pass without having run. `.ci/run` sets all variables. A warning of the build names the groups that are left out.

use std::env;

/// The variables that groups of tests need, and the groups' `cfg`.
const WITH: [(&str, &str); 6] = [
    // A directory with the real data.
    ("RECOMMENDER_TEST_DATA", "real_data"),
    // The path of the program `moto_server` of tests/requirements.txt, an object store that speaks S3.
    ("RECOMMENDER_TEST_S3", "object_store"),
    // The path of the program `schemathesis` of tests/requirements.txt, which makes requests from an API description.
    ("RECOMMENDER_TEST_SCHEMA", "schema"),
    // The path of `chromedriver`, beside the Chromium that it drives.
    ("RECOMMENDER_TEST_BROWSER", "browser"),
    // The path of the program `pipeline` as `--features cluster` builds it.
    ("RECOMMENDER_TEST_CLUSTER", "cluster"),
    // Not empty: the tests run as root on Linux, may mount file systems, and have strace.
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
        println!("cargo::warning=tests left out, for want of a variable: {}", left_out.join(", "));
    }
}
