//! The `pipeline` program. Its modules are in `program/`; the batch itself is the library of this crate.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
