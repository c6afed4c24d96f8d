//! The commands of the programs of this project, for hints.

use std::ffi::OsString;
use std::path::Path;

/// Returns the command that starts another program of this project as this process was started: the same directory with
/// another name, such as `target/release/pipeline` beside `target/release/server`.
#[must_use]
pub fn sibling(program: &str) -> String {
    beside(std::env::args_os().next(), program)
}

fn beside(this: Option<OsString>, program: &str) -> String {
    match this.as_deref().map(Path::new).and_then(Path::parent) {
        Some(directory) => directory.join(program).display().to_string(),
        None => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_this_one_was_started() {
        for (this, expected) in [
            (Some("server"), "pipeline"),
            (Some("./server"), "./pipeline"),
            (Some("target/release/server"), "target/release/pipeline"),
            (Some("/usr/local/bin/server"), "/usr/local/bin/pipeline"),
            (Some(""), "pipeline"),
            (None, "pipeline"),
        ] {
            assert_eq!(beside(this.map(OsString::from), "pipeline"), expected);
        }
    }
}
