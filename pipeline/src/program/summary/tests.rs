use store::GenerationId;
use store::manifest::{FORMAT_VERSION, Gate, Manifest, Verdict};

use super::*;

const ID: &str = "20261125T023000.000Z";
const BEFORE: &str = "20261124T023000.000Z";

fn report(outcome: Outcome) -> Report {
    let id = |text: &str| text.parse::<GenerationId>().unwrap();
    let verdict = if outcome == Outcome::Refused { Verdict::Refused } else { Verdict::Passed };
    let gate = Gate { verdict, baseline: Some(id(BEFORE)), ..Gate::default() };
    let mut account = Account { gate, ..Account::default() };
    account.rows = Rows { read: 9, kept: 8, rejected: 1, without_timestamp: 7, ..Rows::default() };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        generation: id(ID),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        account,
        content_digest: String::new(),
        n_shards: None,
        files: BTreeMap::new(),
    };
    Report { outcome, manifest, rejects: "rejects.csv".into(), dated_ahead: None, page: None }
}

#[test]
fn the_hints_after_a_run_repeat_the_repository() {
    let text = |outcome| of_run(&report(outcome), &Hints::installed());
    let published = text(Outcome::Published);
    assert!(published.contains("\nServe it: server --store 'my lists'\n"), "{published}");
    let refused = text(Outcome::Refused);
    assert!(
        refused.ends_with(&format!(
            "\nCompare them: pipeline diff {BEFORE} {ID} --output 'my lists'\n\
             Publish it all the same: pipeline rollback {ID} --output 'my lists'"
        )),
        "{refused}"
    );
    let withdrawn = text(Outcome::Withdrawn);
    let hint = format!("\nPublish it again: pipeline rollback {ID} --output 'my lists'");
    assert!(withdrawn.ends_with(&hint), "{withdrawn}");
    assert!(!text(Outcome::Unchanged).contains("pipeline"));
}

#[test]
fn kept_ratings_without_a_readable_time_are_counted() {
    let says = "7 have no readable time and count as the oldest";
    let mut report = report(Outcome::Published);
    let text = |report: &Report| of_run(report, &Hints::installed());
    let with = text(&report);
    assert!(with.contains(&format!("8 kept\n{:22}   (of these, {says})\n", "")), "{with}");
    report.manifest.account.rows.without_timestamp = 0;
    assert!(!text(&report).contains("readable time"));
}

#[test]
fn the_hint_after_a_partition_repeats_its_options() {
    let settings = PartitionSettings {
        ratings: "r.csv".into(),
        scale: interactions::Scale::default(),
        deny_list: None,
        n_shards: 4,
        to: "my shards".parse().unwrap(),
        work: "work".into(),
    };
    let partition = Partition { n_users: 3, rows: Rows::default() };
    let text = of_partition(&partition, &settings, " --max-rating 10", &Invocation::installed());
    assert!(text.ends_with("\nRun on them: pipeline run --ratings 'my shards' --max-rating 10"), "{text}");
}

#[test]
fn the_hint_after_a_sample_names_its_files_and_a_repository() {
    let made = sample::Summary::default();
    let text = of_sample(&made, Path::new("data/my own"), &Hints::installed());
    let hint = "\nRun on it: pipeline run --ratings 'data/my own/ratings.csv' \
                --movies 'data/my own/movies.csv' --output 'my lists'";
    assert!(text.ends_with(hint), "{text}");
}

#[test]
fn the_hint_after_a_failed_verification_repeats_the_repository() {
    let mut verification = pipeline::verify::Verification {
        generation: ID.parse().unwrap(),
        ok: false,
        users: 3,
        users_verified: 2,
        movies: 5,
        entries: 4,
        largest_rounding: 0.0,
        faults: Vec::new(),
        denied: None,
    };
    let text = |verification: &_| of_verification(verification, &Hints::installed());
    let hint = "\nSee all generations: pipeline generations --output 'my lists'";
    assert!(text(&verification).ends_with(hint), "{}", text(&verification));
    verification.ok = true;
    assert!(!text(&verification).contains(hint));
}
