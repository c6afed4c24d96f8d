//! Tests that need more than a Rust toolchain exist where the environment says that it is there, and only there: so none
//! of them can pass without having run. `.ci/run` sets all of these.

/// Variables that bring tests into being, and the name that their `cfg` has.
const WITH: [(&str, &str); 6] = [
    // A directory with the real data.
    ("RECOMMENDER_TEST_DATA", "real_data"),
    // The program `moto_server` of tests/requirements.txt: an object store that speaks S3.
    ("RECOMMENDER_TEST_S3", "object_store"),
    // The program `schemathesis` of tests/requirements.txt: requests of every kind that a description allows, or does not.
    ("RECOMMENDER_TEST_SCHEMA", "schema"),
    // The program `chromedriver`, beside the Chromium that it drives.
    ("RECOMMENDER_TEST_BROWSER", "browser"),
    // The program `pipeline` as `--features cluster` builds it.
    ("RECOMMENDER_TEST_CLUSTER", "cluster"),
    // Not empty: we are root on Linux, may mount file systems, and have strace.
    ("RECOMMENDER_TEST_ROOT", "root"),
];

fn main() {
    for (variable, cfg) in WITH {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        println!("cargo::rerun-if-env-changed={variable}");
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}
