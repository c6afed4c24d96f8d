//! The program as a person meets it. That it is tested here also has cargo build it for the tests of the whole.

#![allow(clippy::unwrap_used, reason = "a test may insist: its panic is the report")]

use std::process::{Command, Output};

fn pipeline(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pipeline")).args(words).output().unwrap()
}

#[test]
fn help_names_the_commands_and_each_command_its_options() {
    for (words, says) in [
        (
            &["--help"][..],
            &[
                "run",
                "evaluate",
                "verify",
                "generations",
                "diff",
                "rollback",
                "pin",
                "unpin",
                "prune",
                "sample",
                "Examples:",
                "Exit codes:",
                "AWS_ACCESS_KEY_ID",
            ][..],
        ),
        (
            &["run", "--help"],
            &[
                "--ratings",
                "--movies",
                "--deny-list",
                "--output",
                "--depth",
                "--seed",
                "--json",
                "--threads",
                "--always",
                "--force",
                "--max-loss",
                "--max-gain",
                "--max-rejected",
                "--max-more-rejected",
                "--max-unnamed",
                "--max-quality-loss",
                "--min-lift",
                "--max-coverage-loss",
            ],
        ),
        (
            &["schedule", "--help"],
            &[
                "--cron",
                "--time-zone",
                "--retries",
                "--retry-after",
                "--once",
                "--next",
                "--ratings",
                "--metrics-file",
            ],
        ),
        (
            &["evaluate", "--help"],
            &[
                "--split",
                "newest",
                "--train",
                "--test",
                "--k",
                "--relevant-at",
                "--test-fraction",
                "--splits",
                "--json",
            ],
        ),
        (
            &["verify", "--help"],
            &["[GENERATION]", "--output", "--users", "--seed", "--work-dir", "--deny-list", "--json"],
        ),
        (&["generations", "--help"], &["--output", "--json"]),
        (&["diff", "--help"], &["<BEFORE>", "[AFTER]", "--n", "--output", "--json"]),
        (&["rollback", "--help"], &["[GENERATION]", "--reason", "--output"]),
        (&["prune", "--help"], &["--keep", "--older-than", "--dry-run", "--output", "--json"]),
        (&["sample", "--help"], &["--users", "--movies", "--ratings", "--seed", "--dirt", "--out"]),
    ] {
        let output = pipeline(words);
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        for text in says {
            assert!(help.contains(text), "no `{text}` in the help of {words:?}:\n{help}");
        }
    }
}

#[test]
fn words_that_are_no_command_or_no_number_are_a_usage_error() {
    for words in
        [&["recompute"][..], &["run", "--depth=ten"], &["run", "--threads=0"], &["sample", "--users=1"]]
    {
        let output = pipeline(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn an_impossible_shape_is_refused_by_the_name_of_the_option() {
    let output = pipeline(&["sample", "--users=10", "--movies=100", "--ratings=5", "--out=unused"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--ratings"));
}
