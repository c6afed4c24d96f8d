//! The machine-readable output of a run: a log of one JSON object a line, and a file for Prometheus.

use std::fs;

use harness::{Ended, SMALL_MODEL, World, sample};
use serde_json::Value;

fn run(world: &World, args: &[&str]) -> Ended {
    let mut command = world.run_command(&sample("ratings.csv"), &sample("movies.csv"));
    Ended::of(command.args(SMALL_MODEL).args(args))
}

#[test]
fn every_line_of_the_log_without_a_terminal_is_a_json_object_with_time_level_and_message() {
    let world = World::new();
    let (good, bad) = (run(&world, &["--verbose"]), run(&world, &["--depth", "0"]));
    assert_eq!((good.status.code(), bad.status.code()), (Some(0), Some(2)));
    let log = good.stderr + &bad.stderr;
    assert!(log.lines().count() >= 3, "{log}");
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for member in ["timestamp", "level", "message", "target"] {
            assert!(event[member].is_string(), "no {member}: {line}");
        }
        let time = event["timestamp"].as_str().unwrap();
        assert!(time.len() >= 20 && time.as_bytes()[10] == b'T' && time.ends_with('Z'), "{line}");
    }
    // Counts are members beside the message.
    assert!(log.contains(r#""ratings":40000"#), "{log}");

    let text = run(&world, &["--depth", "0", "--log-format", "text"]);
    assert!(text.stderr.starts_with("error: --depth cannot be 0: give"), "{}", text.stderr);
    let quiet = run(&world, &["--always", "--quiet"]);
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
}

#[test]
fn the_metrics_file_states_the_outcome_and_the_last_success() {
    let world = World::new();
    let path = world.path("batch.prom");
    let args = ["--metrics-file", path.to_str().unwrap()];
    let figure = |series: &str| {
        let text = fs::read_to_string(&path).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(|value| value.parse::<f64>().unwrap())
    };
    const SUCCESS: &str = "recommender_batch_last_success_timestamp_seconds";
    let outcome = |name: &str| figure(&format!("recommender_batch_outcome{{outcome=\"{name}\"}}"));

    assert_eq!(run(&world, &args).status.code(), Some(0));
    let success = figure(SUCCESS).unwrap();
    assert_eq!((outcome("published"), outcome("failed")), (Some(1.0), Some(0.0)));
    assert_eq!(figure("recommender_batch_rows{outcome=\"kept\"}"), Some(40_000.0));
    for phase in ["train", "write", "upload", "publish"] {
        let seconds = figure(&format!("recommender_batch_phase_seconds{{phase=\"{phase}\"}}"));
        assert!(seconds.unwrap() > 0.0, "{phase}");
    }

    assert_eq!(run(&world, &[&args[..], &["--deny-list", "absent.txt"]].concat()).status.code(), Some(1));
    assert_eq!((outcome("failed"), figure(SUCCESS)), (Some(1.0), Some(success)));

    assert_eq!(run(&world, &args).status.code(), Some(0));
    assert_eq!(outcome("unchanged"), Some(1.0));
    assert_eq!(figure("recommender_batch_phase_seconds{phase=\"train\"}"), None);
    assert!(figure(SUCCESS).unwrap() >= success);

    // A file that cannot be written is logged, and does not fail the run.
    let ended = run(&world, &["--always", "--metrics-file", "/nowhere/batch.prom"]);
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.contains("--metrics-file"), "{}", ended.stderr);
}
