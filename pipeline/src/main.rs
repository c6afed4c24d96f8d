//! The `pipeline` program.

fn main() {}
