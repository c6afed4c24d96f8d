use std::collections::BTreeMap;

use evaluation::Concentration;
use models::TrainingCurve;
use serde_json::json;
use store::UserId;
use store::manifest::{
    Account, ActivitySlice, Check, Gate, Manifest, MeasuredUsers, Measurement, Outcome, PairedMetric, Phase,
    Rows, Usage, Verdict,
};

use super::{Evidence, Exposure, Histogram, ListChange, MovieChange, RunReport, Sample};

/// A title that must have no effect.
const HOSTILE: &str = "<script>alert(\"1\")</script> & 'Sons' (1999)";

fn manifest(day: u32, ndcg: f64) -> Manifest {
    let parameters = json!({ "seed": day, "depth": 100 }).as_object().cloned().unwrap_or_default();
    let account = Account {
        rows: Rows {
            read: 1000,
            kept: 900,
            merged: 40,
            rejected: 60,
            rejected_by_reason: BTreeMap::from([("bad_rating".to_owned(), 60)]),
            ..Rows::default()
        },
        parameters,
        metrics: BTreeMap::from([
            ("ndcg@10".to_owned(), ndcg),
            ("popularity_ndcg@10".to_owned(), 0.125),
            ("rmse".to_owned(), 0.85),
        ]),
        phases: BTreeMap::from([(Phase::Train, Usage { seconds: 2.5, peak_rss_bytes: 1 << 28 })]),
        ..Account::default()
    };
    Manifest {
        format_version: store::manifest::FORMAT_VERSION,
        generation: format!("202611{day:02}T023000.000Z").parse().unwrap(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        account,
        content_digest: day.to_string(),
        n_shards: None,
        files: BTreeMap::new(),
    }
}

fn evidence() -> Evidence {
    let movie = MovieChange { title: HOSTILE.to_owned(), before: 3, after: 40 };
    Evidence {
        course: TrainingCurve { ranking: vec![0.5, 0.3, 0.2], rating: vec![0.9, 0.8] },
        exposure: Some(Exposure {
            concentration: Concentration::of(&[0, 1, 3]),
            n_users: 4,
            n_movies: 3,
            n_shown: 2,
            curve: vec![(0.0, 0.0), (0.5, 0.75), (1.0, 1.0)],
            most: vec![(HOSTILE.to_owned(), 3)],
        }),
        scores: Histogram::of(&[0.1, 0.2, 0.9], (0.1, 0.9), 20),
        stars: Histogram::of(&[3.5, 4.0], (0.5, 5.0), 9),
        samples: vec![Sample {
            why: "the most ratings",
            user: UserId::new(414),
            n_ratings: 2698,
            liked: vec![(HOSTILE.to_owned(), 5.0)],
            list: vec![(HOSTILE.to_owned(), 0.75, 4.5)],
        }],
        change: Some(Ok(ListChange {
            n_compared: 610,
            n_changed: 300,
            mean_overlap: 0.875,
            movies_in: vec![movie],
            movies_out: Vec::new(),
        })),
    }
}

fn page(manifest: &Manifest, earlier: &[Manifest], evidence: &Evidence) -> String {
    RunReport { manifest, before: earlier.last(), earlier, evidence, store: "out put".to_owned() }.page()
}

/// Checks that every section is there once, every element is closed, and the page has no links.
fn check(page: &str) {
    for id in ["gate", "rows", "quality", "changes", "scores", "samples", "training", "machine"] {
        assert_eq!(page.matches(&format!("<h2 id=\"{id}\"")).count(), 1, "{id}\n{page}");
    }
    for element in
        ["html", "head", "body", "main", "section", "table", "tr", "th", "td", "figure", "svg", "p"]
    {
        let opened =
            page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}\n{page}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for leads_out in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(leads_out), "{leads_out}\n{page}");
    }
}

#[test]
fn a_page_has_the_verdict_the_figures_and_those_of_earlier_runs() {
    let (this_run, earlier) = (manifest(24, 0.25), [manifest(22, 0.19), manifest(23, 0.2)]);
    let page = page(&this_run, &earlier, &evidence());
    check(&page);
    for says in [
        "<h1 class=\"good\">Published</h1>",
        "Tuesday, 24 November 2026, 02:30 UTC",
        "0.250",
        "+25 %",
        "Lists have 2.0 times the NDCG@10 of the most popular movies.",
        "bad rating",
        "User 414: the most ratings (2,698)",
        "the setting seed changed from 23 to 24",
        "610 users compared, 300",
        "87.5 %",
        "aria-label=\"NDCG@10: over the last 3 runs",
    ] {
        assert!(page.contains(says), "no `{says}` in\n{page}");
    }
}

#[test]
fn a_title_is_escaped() {
    let page = page(&manifest(24, 0.25), &[manifest(23, 0.2)], &evidence());
    assert_eq!(page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; ").count(), 4, "{page}");
    check(&page);
}

#[test]
fn the_first_run_has_a_page() {
    let page = page(&manifest(24, 0.25), &[], &Evidence { change: None, ..evidence() });
    check(&page);
    assert!(page.contains("Nothing was published before"), "{page}");
    assert!(!page.contains("class=\"change\""), "{page}");
}

#[test]
fn a_run_without_metrics_and_evidence_has_a_page_without_a_legend() {
    let mut this_run = manifest(24, 0.0);
    this_run.account.metrics.clear();
    let page = page(&this_run, &[manifest(23, 0.2)], &Evidence::default());
    check(&page);
    assert!(page.contains("nothing was measured") && !page.contains("NaN"), "{page}");
    assert!(!page.contains(" times "), "{page}");
}

#[test]
fn a_refused_run_begins_with_the_reason_and_commands_and_a_forced_one_with_the_reason_given() {
    let mut this_run = manifest(24, 0.1);
    let check_of = |name: &str, outcome, detail: &str| Check {
        name: name.to_owned(),
        outcome,
        value: None,
        baseline: None,
        detail: detail.to_owned(),
    };
    this_run.account.gate = Gate {
        verdict: Verdict::Refused,
        reason: None,
        baseline: Some(manifest(23, 0.2).generation),
        checks: vec![
            check_of("lists", Outcome::Passed, "all lists in order"),
            check_of("users", Outcome::Failed, "600 users after 1200: -50 % <b>"),
            check_of("rmse", Outcome::Failed, "rmse 1.2 after 0.9"),
        ],
    };
    let refused = page(&this_run, &[manifest(23, 0.2)], &evidence());
    check(&refused);
    assert!(refused.contains("<h1 class=\"bad\">Refused</h1>"), "{refused}");
    assert!(
        refused
            .contains("The published generation stays. 600 users after 1200: -50 % &lt;b&gt;; and 1 more.")
    );
    let (id, baseline) = ("20261124T023000.000Z", "20261123T023000.000Z");
    for command in [
        format!("<code>pipeline diff {baseline} {id} --output 'out put'</code>"),
        format!("<code>pipeline rollback {id} --output 'out put'</code>"),
    ] {
        assert!(refused.contains(&command), "no `{command}` in\n{refused}");
    }
    assert!(refused.find("rmse 1.2 after 0.9") < refused.find("all lists in order"));

    this_run.account.gate.verdict = Verdict::Forced;
    this_run.account.gate.reason = Some("new catalogue".to_owned());
    let forced = page(&this_run, &[manifest(23, 0.2)], &evidence());
    assert!(forced.contains("<h1 class=\"warn\">Published by force</h1>"), "{forced}");
    assert!(forced.contains("The reason given: new catalogue."), "{forced}");
}

#[test]
fn the_quality_is_shown_by_the_number_of_ratings_and_a_slice_below_popularity_stands_out() {
    let mut this_run = manifest(24, 0.25);
    let slice = |min_ratings, max_ratings, users, model| ActivitySlice {
        min_ratings,
        max_ratings,
        users,
        metrics: BTreeMap::from([(
            "ndcg@10".to_owned(),
            PairedMetric { model, popularity: 0.0252, standard_error: Some(0.001) },
        )]),
    };
    let mut measurement = Measurement {
        relevant_at: Some(4.0),
        users: MeasuredUsers { evaluated: 1300, without_relevant: 20, not_measurable: 13_414 },
        slices: vec![slice(1, Some(1), 1200, 0.0197), slice(21, None, 100, 0.0452)],
    };
    this_run.account.measurement = Some(measurement.clone());
    let text = page(&this_run, &[], &evidence());
    check(&text);
    for says in [
        "Held-out ratings of 4 stars or more are relevant. 1,300 users have one, 20 do not, and 13,414 have one rating \
         and cannot be measured.",
        "<th scope=\"row\">1 rating</th><td class=\"n\">1,200</td><td class=\"n\"><strong class=\"bad\">0.0197</strong>\
         </td><td class=\"n\">0.0252</td>",
        "<th scope=\"row\">21 or more ratings</th><td class=\"n\">100</td><td class=\"n\">0.0452</td>",
    ] {
        assert!(text.contains(says), "no `{says}` in\n{text}");
    }
    (measurement.relevant_at, measurement.users.not_measurable) = (None, 0);
    this_run.account.measurement = Some(measurement);
    let text = page(&this_run, &[], &evidence());
    assert!(text.contains("All held-out ratings are relevant. 1,300 users have one, 20 do not."), "{text}");
}

#[test]
fn lists_below_popularity_stand_out() {
    let mut below = manifest(24, 0.1);
    below.account.metrics.extend([("recall@20".to_owned(), 0.3), ("popularity_recall@20".to_owned(), 0.4)]);
    let below = page(&below, &[manifest(23, 0.2)], &evidence());
    check(&below);
    for says in [
        "<p class=\"bad\">Lists find 0.75 times as many relevant movies among their first 20 entries as \
         popularity does, which is worse.</p>",
        "<span class=\"beside bad\">worse than the most popular movies: 0.125</span>",
        "<strong class=\"bad\">0.1000</strong>",
        "<strong class=\"bad\">0.3000</strong>",
    ] {
        assert!(below.contains(says), "no `{says}` in\n{below}");
    }
    let above = page(&manifest(24, 0.25), &[], &evidence());
    assert!(!above.contains("class=\"bad\"") && !above.contains("worse"), "{above}");
}

#[test]
fn a_frequent_reason_of_rejected_rows_comes_with_its_remedy() {
    let mut this_run = manifest(24, 0.25);
    let page_of = |manifest: &Manifest| page(manifest, &[], &evidence());
    assert!(!page_of(&this_run).contains("rows were rejected for"));
    let reasons = [("rating_out_of_range".to_owned(), 790), ("bad_utf8".to_owned(), 1)];
    this_run.account.rows.rejected_by_reason = BTreeMap::from(reasons);
    let page = page_of(&this_run);
    check(&page);
    let says = "790 rows were rejected for rating out of range: state another scale with --min-rating and";
    assert!(page.contains(says), "{page}");
    assert!(!page.contains("for bad utf8"), "{page}");
}
