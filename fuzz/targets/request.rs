//! Requests on a connection, from the first byte of the head on: each complete head has a status line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    server::exchange::exchange(bytes);
});
