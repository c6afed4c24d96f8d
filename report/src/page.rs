//! The page: the verdict, a sentence on quality, the key figures, and the sections.

use evaluation::{Metric, Metrics};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use store::manifest::{Account, Gate, Outcome, Verdict};

use super::{RunReport, format, sections};

/// The style sheet, which is part of the page.
const STYLE: &str = include_str!("style.css");

/// A number at the head of the page.
struct KeyFigure {
    name: String,
    value: String,
    /// A number or a remark for comparison.
    beside: Option<String>,
    /// Whether the comparison is unfavorable.
    is_worse: bool,
    /// The values before and now.
    change: Option<(f64, f64)>,
}

/// Writes the page of a run.
pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let manifest = report.manifest;
    let (word, class, sentence) = verdict(&manifest.account.gate);
    let id = &manifest.generation;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Nothing is loaded or executed, whatever a title contains.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (word) ": " (format::time(id)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.when { "Movie recommendations · " (format::time(id)) }
                    h1.(class) { (word) }
                    p.verdict { (sentence) }
                    @if manifest.account.gate.verdict == Verdict::Refused { (next_steps(report)) }
                    @if let Some((sentence, is_worse)) = quality(&manifest.account.metrics) {
                        p.bad[is_worse] { (sentence) }
                    }
                    ul.keys aria-label="Key numbers" {
                        @for key in key_figures(report) { li { (key) } }
                    }
                }
                main { (sections::all(report)) }
                footer { (sections::origin(report)) }
            }
        }
    }
}

/// The verdict of the gate: a word, its class in the style sheet, and a sentence.
fn verdict(gate: &Gate) -> (&'static str, &'static str, String) {
    let n_checks = gate.checks.iter().filter(|check| check.outcome != Outcome::Skipped).count();
    let failed: Vec<_> = gate.failed().map(|check| check.detail.as_str()).collect();
    let first = failed.first().copied().unwrap_or_default();
    let more = match failed.len() {
        0 | 1 => String::new(),
        n => format!("; and {} more", n - 1),
    };
    match gate.verdict {
        Verdict::Passed if gate.baseline.is_none() => {
            ("Published", "good", "Nothing was published before. No check of the gate failed.".to_owned())
        }
        Verdict::Passed => {
            ("Published", "good", format!("None of the {n_checks} checks of the gate failed."))
        }
        Verdict::Refused => {
            let stays = if gate.baseline.is_some() {
                "The published generation stays"
            } else {
                "Nothing is published"
            };
            ("Refused", "bad", format!("{stays}. {first}{more}."))
        }
        Verdict::Forced => {
            let reason = gate.reason.as_deref().unwrap_or_default();
            (
                "Published by force",
                "warn",
                format!("The reason given: {reason}. The gate found: {first}{more}."),
            )
        }
    }
}

/// The quality of the lists in a sentence, and whether they are worse than those of the most popular movies. `None` if
/// that was not measured.
fn quality(metrics: &Metrics) -> Option<(String, bool)> {
    const RECALL: Metric = Metric::Recall(20);
    const NDCG: Metric = Metric::Ndcg(10);

    let by_recall = RECALL.lift_over_popularity(metrics).map(|lift| {
        let times = format::times(lift);
        let entries = "among their first 20 entries";
        (lift, format!("Lists find {times} times as many relevant movies {entries} as popularity does"))
    });
    let (lift, sentence) = by_recall.or_else(|| {
        let lift = NDCG.lift_over_popularity(metrics)?;
        let times = format::times(lift);
        Some((lift, format!("Lists have {times} times the {} of the most popular movies", NDCG.title())))
    })?;
    // A quotient that rounds to 1.00 counts as equal.
    let is_worse = lift < 0.995;
    Some((format!("{sentence}{}.", if is_worse { ", which is worse" } else { "" }), is_worse))
}

/// The commands after a refused run.
fn next_steps(report: &RunReport<'_>) -> Markup {
    let id = &report.manifest.generation;
    let output = format!("--output {}", format::shell_word(&report.store));
    html! {
        p {
            @if let Some(baseline) = &report.manifest.account.gate.baseline {
                "Compare the lists with the published ones: " code { "pipeline diff " (baseline) " " (id) " " (output) } ". "
            }
            "If they are right, publish them: " code { "pipeline rollback " (id) " " (output) } ". "
            "Otherwise correct the input and run again."
        }
    }
}

fn key_figures(report: &RunReport<'_>) -> Vec<KeyFigure> {
    let account = &report.manifest.account;
    let before = report.before.map(|before| &before.account);
    let change = |figure: fn(&Account) -> f64| before.map(|before| (figure(before), figure(account)));
    let measured = |metric: Metric| {
        let now = metric.of(&account.metrics)?;
        Some((now, before.and_then(|before| Some((metric.of(&before.metrics)?, now)))))
    };
    let number = |name: &str, value: u64, figure: fn(&Account) -> f64| KeyFigure {
        name: name.to_owned(),
        value: format::count(value),
        beside: None,
        is_worse: false,
        change: change(figure),
    };
    let mut keys = vec![
        number("Ratings", account.counts.ratings, |account| account.counts.ratings as f64),
        number("Users with a list", account.counts.users, |account| account.counts.users as f64),
    ];
    let metric = Metric::Ndcg(10);
    if let Some((ndcg, change)) = measured(metric) {
        let popular = metric.of_popularity(&account.metrics);
        let is_worse = popular.is_some_and(|popular| ndcg < popular);
        let below = if is_worse { "worse than the " } else { "" };
        let beside = popular.map(|popular| format!("{below}most popular movies: {popular:.3}"));
        keys.push(KeyFigure { name: metric.title(), value: format!("{ndcg:.3}"), beside, is_worse, change });
    }
    if let Some((rmse, change)) = measured(Metric::Rmse) {
        let beside = Some("stars; less is better".to_owned());
        let (name, value) = (Metric::Rmse.title(), format!("{rmse:.3}"));
        keys.push(KeyFigure { name, value, beside, is_worse: false, change });
    }
    let covered = account.counts.recommended as f64 / account.counts.movies.max(1) as f64;
    keys.push(KeyFigure {
        beside: Some(format!("{} of the movies are in the first ten of a list", format::percent(covered))),
        ..number("Movies recommended", account.counts.recommended, |account| {
            account.counts.recommended as f64
        })
    });
    let seconds = |account: &Account| account.phases.values().map(|phase| phase.seconds).sum::<f64>();
    let peak = account.phases.values().map(|phase| phase.peak_rss_bytes).max().unwrap_or(0);
    keys.push(KeyFigure {
        name: "Time".to_owned(),
        value: format::duration(seconds(account)),
        beside: (peak > 0).then(|| format!("at most {} of memory", format::bytes(peak))),
        is_worse: false,
        change: change(seconds),
    });
    keys
}

impl maud::Render for KeyFigure {
    fn render(&self) -> Markup {
        html! {
            span.name { (self.name) }
            strong { (self.value) }
            @if let Some((before, now)) = self.change {
                span.change { (format::change(before, now)) @if before != now { " since the last publication" } }
            }
            @if let Some(beside) = &self.beside { span.beside.bad[self.is_worse] { (beside) } }
        }
    }
}
