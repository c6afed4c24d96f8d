//! The parsers of what clients send, for the fuzz targets alone.

use crate::routes;

/// Reads a path.
pub fn path(text: &str) {
    let route = routes::Route::of(text);
    // A template names its route.
    assert!(route == routes::Route::Nothing || !route.template().is_empty());
}

/// Reads the query of each route.
pub fn query(text: &str) {
    routes::fuzzing::query(text);
}

/// Reads the body of a fold-in.
pub fn body(bytes: &[u8]) {
    routes::fuzzing::body(bytes);
}
