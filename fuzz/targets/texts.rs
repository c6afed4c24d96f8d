//! Small texts: a deny list, the id of a generation, a location.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use store::{DenyList, GenerationId, Location};

fuzz_target!(|bytes: &[u8]| {
    let _ = DenyList::parse(Path::new("deny.txt"), bytes);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = text.parse::<GenerationId>() {
        assert_eq!(id.as_str(), text);
        let _ = id.time();
    }
    let _ = text.parse::<Location>();
});
