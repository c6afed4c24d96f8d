//! The HTML report of each run: one self-contained page that states the outcome.

use std::fs;
use std::path::Path;

use harness::{Ended, SMALL_MODEL, World, sample};
use serde_json::Value;

/// Elements without an end tag.
const VOID: [&str; 2] = ["meta", "br"];

/// Panics unless every element of a page is closed in order.
fn check_elements(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let end = tag.find('>').unwrap();
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn read(path: impl AsRef<Path>) -> String {
    let page = fs::read_to_string(path).unwrap();
    check_elements(&page);
    for external in ["http:", "https:", "src=", "href=", "url(", "<script"] {
        assert!(!page.contains(external), "{external}");
    }
    page
}

/// The first half of the sample's rows, as of a truncated export.
fn half() -> Vec<u8> {
    let rows = fs::read(sample("ratings.csv")).unwrap();
    let half = rows[..rows.len() / 2].iter().rposition(|&byte| byte == b'\n').unwrap();
    rows[..=half].to_vec()
}

/// Whether `latest.html` is a copy of the report of a run.
fn is_latest(world: &World, account: &Value) -> bool {
    let latest = fs::read_to_string(world.path("output/reports/latest.html")).unwrap();
    latest == read(account["report"].as_str().unwrap())
}

#[test]
fn every_run_including_a_refused_one_has_a_report() {
    let world = World::new();
    let measured = ["--factors", "16", "--epochs", "3", "--rating-sweeps", "3", "--min-lift=-inf"];
    let first = world.run_sample(&measured);
    let page = read(first["report"].as_str().unwrap());
    assert_eq!(Path::new(first["report"].as_str().unwrap()).parent().unwrap(), world.path("output/reports"));
    for says in ["Published</h1>", "Nothing was published before", "NDCG@10", "Ranking model", "A few lists"]
    {
        assert!(page.contains(says), "no `{says}` in\n{page}");
    }
    assert!(first["phases"]["report"]["seconds"].is_f64());
    assert!(is_latest(&world, &first));

    let cut_off = world.write("half.csv", half());
    let ended = Ended::of(world.run_command(&cut_off, &sample("movies.csv")).args(measured));
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    let line = ended.stdout.lines().find(|line| line.starts_with("Report ")).unwrap();
    let page = read(line.trim_start_matches("Report").trim());
    for says in [
        "Refused</h1>",
        "The published generation stays.",
        "the ratings file changed",
        "over the last 2 runs",
        "users compared",
        "Recommended to fewer",
    ] {
        assert!(page.contains(says), "no `{says}` in\n{page}");
    }
    assert!(!is_latest(&world, &first));
    assert_eq!(fs::read_dir(world.path("output/reports")).unwrap().count(), 3);
}

#[test]
fn a_run_without_a_report_publishes_the_same_records() {
    let with = World::new();
    let digest = |account: &Value| account["content_digest"].as_str().unwrap().to_owned();
    let account = with.run_quickly(&[]);

    let without = World::new();
    let silent = without.run_quickly(&["--no-report"]);
    assert_eq!(digest(&silent), digest(&account));
    assert!(silent.get("report").is_none() && silent["phases"].get("report").is_none());
    assert!(!without.path("output/reports").exists());

    // An unchanged run has no report.
    let unchanged = with.run_quickly(&[]);
    assert_eq!((&unchanged["outcome"], unchanged.get("report")), (&"unchanged".into(), None));
    assert!(is_latest(&with, &account));

    // A file in place of the directory.
    without.write("output/reports", "");
    let mut command = without.run_command(&sample("ratings.csv"), &sample("movies.csv"));
    let ended = Ended::of(command.args(SMALL_MODEL).arg("--always")).assert_success();
    assert!(ended.stderr.contains("the report could not be written"), "{ended:?}");
    assert!(ended.stdout.contains("Published") && !ended.stdout.contains("Report "), "{ended:?}");
}

#[test]
fn the_report_of_a_run_with_a_deny_list_shows_no_denied_entry() {
    let world = World::new();
    world.run_quickly(&[]);
    let tables = world.open_current();
    let most = tables.tables().fallback().movies[0];
    let title = tables.tables().movie(most).unwrap().unwrap().title;
    drop(tables);
    let deny = world.write("deny.txt", format!("movie {most}\nuser 18\n"));
    let account = world.run_quickly(&["--deny-list", deny.to_str().unwrap()]);
    let page = read(account["report"].as_str().unwrap());
    assert!(!page.contains(&title.replace('&', "&amp;")) && !page.contains("User 18:"), "{title}");
    assert!(page.contains("the deny list changed"));
}
