//! Tests on real data exist where the environment says where the data is, and only there: so none of them can
//! pass without having run.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(real_data)");
    println!("cargo::rerun-if-env-changed=RECOMMENDER_TEST_DATA");
    if std::env::var_os("RECOMMENDER_TEST_DATA").is_some_and(|dir| !dir.is_empty()) {
        println!("cargo::rustc-cfg=real_data");
    }
}
