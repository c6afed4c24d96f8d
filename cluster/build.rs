//! As in the crate `tests`: a test that needs more than a Rust toolchain exists where the environment says that it is
//! there, and only there.

#![allow(clippy::print_stdout)]

/// The program `moto_server`: an object store that speaks S3.
const VARIABLE: &str = "RECOMMENDER_TEST_S3";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(object_store)");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    if std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()) {
        println!("cargo::rustc-cfg=object_store");
    }
}
