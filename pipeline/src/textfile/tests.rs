use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use store::GenerationId;
use store::manifest::{Account, FORMAT_VERSION, Phase, Usage};

use super::*;
use crate::Error;

/// Parses the text as a collector does: every line is HELP, TYPE, a sample or the end, and none occurs twice.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut described) = (BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            match words[..] {
                ["HELP" | "TYPE", name, rest] => {
                    assert!(name.starts_with("recommender_batch_") && !rest.is_empty(), "{line}");
                    assert!(described.insert((words[0], name)), "twice: {line}");
                }
                ["EOF"] => {}
                _ => panic!("no comment that Prometheus knows: {line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        assert!(described.contains(&("HELP", name)) && described.contains(&("TYPE", name)), "{line}");
        assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

fn report(outcome: Outcome) -> Report {
    let mut account = Account { code_version: "1.2.3".to_owned(), ..Account::default() };
    account.rows.kept = 40_000;
    account.rows.rejected_by_reason = BTreeMap::from([("bad \"user\"\\".to_owned(), 7)]);
    account.phases = BTreeMap::from([(Phase::Train, Usage { seconds: 1.5, peak_rss_bytes: 9 })]);
    account.metrics = BTreeMap::from([("rmse".to_owned(), 0.8), ("ndcg@10".to_owned(), 0.3)]);
    account.gate.verdict = if outcome == Outcome::Refused { Verdict::Refused } else { Verdict::Passed };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        generation: GenerationId::at(Timestamp::UNIX_EPOCH),
        created_at: Timestamp::UNIX_EPOCH,
        account,
        content_digest: String::new(),
        n_shards: None,
        files: BTreeMap::new(),
    };
    Report { outcome, manifest, rejects: "rejects.csv".into(), dated_ahead: None, page: None }
}

fn failure() -> Result<Report> {
    Err(Error::setting("--depth", 0, "too little"))
}

#[test]
fn every_line_can_be_parsed_and_none_occurs_twice() {
    let (start, end) = (Timestamp::UNIX_EPOCH, Timestamp::new(90, 500_000_000).unwrap());
    let samples = parsed(&text(start, end, &Ok(report(Outcome::Published)), None));
    for (series, value) in [
        ("recommender_batch_outcome{outcome=\"published\"}", 1.0),
        ("recommender_batch_outcome{outcome=\"failed\"}", 0.0),
        ("recommender_batch_last_run_timestamp_seconds", 90.5),
        ("recommender_batch_last_success_timestamp_seconds", 90.5),
        ("recommender_batch_duration_seconds", 90.5),
        ("recommender_batch_phase_seconds{phase=\"train\"}", 1.5),
        ("recommender_batch_rows{outcome=\"kept\"}", 40_000.0),
        ("recommender_batch_metric{name=\"ndcg@10\"}", 0.3),
        ("recommender_batch_gate_passed", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}: {samples:#?}");
    }
}

#[test]
fn a_run_that_had_nothing_to_do_has_no_phases() {
    let text = |outcome| text(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, &Ok(report(outcome)), None);
    for outcome in [Outcome::Unchanged, Outcome::Withdrawn] {
        assert!(!text(outcome).contains("recommender_batch_phase"));
    }
    assert!(text(Outcome::Refused).contains("recommender_batch_phase_seconds{phase=\"train\"}"));
}

#[test]
fn a_label_has_only_characters_that_print() {
    let mut hostile = report(Outcome::Published);
    hostile.manifest.account.code_version = "1\u{1b}[2J\u{9b}\n\u{202e}".to_owned();
    let text = text(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, &Ok(hostile), None);
    assert!(text.contains(r#"version="1\\u{1b}[2J\\u{9b}\\n\\u{202e}""#), "{text}");
    assert!(text.contains(r#"{reason="bad \"user\"\\"} 7"#), "{text}");
    parsed(&text);
}

#[test]
fn a_failed_and_a_refused_run_keep_the_time_of_the_last_success() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("batch.prom");
    write(&path, Timestamp::now(), &failure()).unwrap();
    let read = || parsed(&fs::read_to_string(&path).unwrap());
    assert!(!read().contains_key(LAST_SUCCESS), "there was none");
    write(&path, Timestamp::now(), &Ok(report(Outcome::Unchanged))).unwrap();
    let success = read()[LAST_SUCCESS];
    assert!(success > 1.7e9);
    write(&path, Timestamp::now(), &failure()).unwrap();
    assert_eq!(read()[LAST_SUCCESS], success);
    assert_eq!(read()["recommender_batch_outcome{outcome=\"failed\"}"], 1.0);
    write(&path, Timestamp::now(), &Ok(report(Outcome::Refused))).unwrap();
    assert_eq!(read()[LAST_SUCCESS], success);
    assert_eq!(read()["recommender_batch_gate_passed"], 0.0);
    // No draft is left.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let error =
        write(Path::new("/nowhere/batch.prom"), Timestamp::now(), &failure()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/batch"), "{error}");
}
