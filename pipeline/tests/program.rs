//! The command line of the program. These tests also make cargo build the program for the end-to-end tests.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::Path;
use std::process::{Command, Output};

/// Options of a run whose model need not be good.
const SMALL_MODEL: &str = "--test-fraction=0 --factors 16 --epochs 2 --rating-sweeps 2";

fn pipeline(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pipeline")).args(words).output().unwrap()
}

/// Runs a command line of the shell in a directory, without the variable by which cargo announces itself, and returns its
/// standard output. It must end with a code.
fn shell(dir: &Path, line: &str, code: i32) -> String {
    let mut command = Command::new("sh");
    let output = command.args(["-c", line]).current_dir(dir).env_remove("CARGO_PKG_NAME").output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{line}\n{stdout}\n{stderr}");
    stdout
}

/// Returns the command that follows a label at the begin of a line.
fn hint<'a>(text: &'a str, label: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no `{label}:` in\n{text}")).trim()
}

/// Returns the generation that `pipeline generations` lists in a state.
fn generation(dir: &Path, state: &str) -> String {
    let list = shell(dir, &format!("{} generations --output 'my data/output'", program()), 0);
    let line =
        list.lines().find(|line| line.contains(state)).unwrap_or_else(|| panic!("no {state} in\n{list}"));
    line.split(' ').next().unwrap().to_owned()
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_pipeline")
}

#[test]
fn every_hint_works_when_it_is_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let sample = |users: u32, out: &str| {
        let sizes = format!("--users {users} --movies 200 --ratings {}", users * 30);
        shell(dir, &format!("{} sample {sizes} --out '{out}'", program()), 0)
    };
    let made = sample(100, "my data");
    let run = format!("{} {SMALL_MODEL}", hint(&made, "Run on it"));
    let published = shell(dir, &run, 0);
    assert!(hint(&published, "Serve it").ends_with(" --store 'my data/output'"), "{published}");
    shell(dir, &format!("{run} --seed 2 --max-coverage-loss inf"), 0);

    let (second, first) = (generation(dir, "PUBLISHED"), generation(dir, "ready"));
    let back = shell(dir, &format!("{} rollback --output 'my data/output'", program()), 0);
    assert_eq!(generation(dir, "PUBLISHED"), first);
    let unchanged = shell(dir, &format!("{run} --seed 2"), 0);
    shell(dir, hint(&back, "Undo it"), 0);
    assert_eq!(generation(dir, "PUBLISHED"), second);
    shell(dir, &format!("{} rollback {first} --output 'my data/output'", program()), 0);
    shell(dir, hint(&unchanged, "Publish it again"), 0);
    assert_eq!(generation(dir, "PUBLISHED"), second);

    // Half of the users: the gate refuses that.
    sample(50, "half");
    let inputs = "--ratings half/ratings.csv --movies half/movies.csv --output 'my data/output'";
    let refused = shell(dir, &format!("{} run {inputs} {SMALL_MODEL}", program()), 3);
    let third = generation(dir, "refused");
    assert!(
        shell(dir, hint(&refused, "Compare them"), 0).contains(&format!("From      {second} to {third}"))
    );
    shell(dir, hint(&refused, "Publish it all the same"), 0);
    assert_eq!(generation(dir, "PUBLISHED"), third);

    let pinned = shell(dir, &format!("{} pin {third} --output 'my data/output'", program()), 0);
    let unpin = pinned.split('`').nth(1).unwrap();
    assert!(shell(dir, unpin, 0).contains(&third));

    let ratings = "--ratings 'my data/ratings.csv' --max-rating 5";
    let cut = shell(dir, &format!("{} partition {ratings} --shards 2 --out 'my shards'", program()), 0);
    let published = shell(dir, &format!("{} {SMALL_MODEL}", hint(&cut, "Run on them")), 0);
    assert!(published.contains("Published"), "{published}");
}

#[test]
fn an_error_names_the_command_that_helps_with_the_program_and_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    for (command, hint) in [
        ("verify", "run --ratings RATINGS.csv --movies MOVIES.csv --output 'my lists'"),
        ("verify 20010101T000000.000Z", "generations --output 'my lists'"),
        ("diff 20010101T000000.000Z", "run --ratings RATINGS.csv --movies MOVIES.csv --output 'my lists'"),
    ] {
        let line = format!("{} {command} --output 'my lists' 2>&1", program());
        let text = shell(dir.path(), &line, 1);
        assert!(text.contains(&format!("`{} {hint}`", program())), "{command}: {text}");
    }
    let line = format!("{} rollback --output 'my lists' 2>&1", program());
    assert!(shell(dir.path(), &line, 1).contains("no other generation is complete"));
}

#[test]
fn only_words_with_a_typing_error_get_a_suggestion() {
    let stderr = |words: &[&str]| String::from_utf8(pipeline(words).stderr).unwrap();
    for words in [&["evaluate", "--metric", "x"][..], &["tune"], &["run", "--topn=5"]] {
        let text = stderr(words);
        assert!(!text.contains("meant?"), "{words:?}: {text}");
    }
    for (words, meant) in [(&["run", "--outptu=x"][..], "--output"), (&["verfy"], "verify")] {
        let text = stderr(words);
        assert!(text.contains(&format!("is {meant} meant?")), "{words:?}: {text}");
    }
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
                "--relevant-at",
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
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--ratings"));
}
