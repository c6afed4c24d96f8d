//! The commands of the programs of this project, for hints that can be pasted into a shell.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

/// Returns the command that starts another program of this project as this process was started: the same directory with
/// another name, such as `target/release/pipeline` beside `target/release/server`.
#[must_use]
pub fn sibling(program: &str) -> String {
    beside(std::env::args_os().next(), program)
}

fn beside(this: Option<OsString>, program: &str) -> String {
    match this.as_deref().map(Path::new).and_then(Path::parent) {
        Some(directory) => quoted(&directory.join(program).display().to_string()),
        None => program.to_owned(),
    }
}

/// Returns a word as a POSIX shell reads it, in single quotes where it needs any. A word with characters that do not print
/// is written as `$'…'`, with its bytes as octal numbers.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if printable::line(word) == word {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut octal = String::new();
    for byte in word.bytes() {
        match byte {
            b' '..=b'~' if byte != b'\'' && byte != b'\\' => octal.push(char::from(byte)),
            // A `String` accepts every write.
            _ => drop(write!(octal, "\\{byte:03o}")),
        }
    }
    format!("$'{octal}'")
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
            (Some("/my programs/server"), "'/my programs/pipeline'"),
            (Some(""), "pipeline"),
            (None, "pipeline"),
        ] {
            assert_eq!(beside(this.map(OsString::from), "pipeline"), expected);
        }
    }

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        for word in ["output", "s3://bucket/recs", "20261128T082136.240Z", "a-b_c"] {
            assert_eq!(quoted(word), word);
        }
        for (word, expected) in [
            ("my lists", "'my lists'"),
            ("a&b", "'a&b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("~", "'~'"),
            ("a\n'\u{1b}é", r"$'a\012\047\033\303\251'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
