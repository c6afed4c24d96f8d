//! The manifest of a generation.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use store::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("manifest.json");
    let _ = Manifest::parse(path, bytes);
    // The digest of most inputs is wrong, so they are parsed again with the right one.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Manifest::parse(path, &Manifest::with_digest(text));
    }
});
