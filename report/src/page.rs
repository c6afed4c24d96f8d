//! The page: a verdict in one sentence, the numbers that matter, and the sections that explain them.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use store::manifest::{Account, Gate, Outcome, Verdict};

use super::{Night, sections, words};

/// The style of the page, of which it carries a copy.
const STYLE: &str = include_str!("style.css");

/// A number at the head of the page.
struct Key {
    name: &'static str,
    value: String,
    /// What it stands beside.
    beside: Option<String>,
    /// Its figure before and now, for the change.
    change: Option<(f64, f64)>,
}

/// The page of a night.
pub(super) fn of(night: &Night<'_>) -> Markup {
    let manifest = night.manifest;
    let (word, class, sentence) = verdict(&manifest.account.gate);
    let id = &manifest.generation;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Whatever a title says: nothing is loaded, and nothing runs.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (word) ": " (words::time(id)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.when { "Movie recommendations · " (words::time(id)) }
                    h1.(class) { (word) }
                    p.verdict { (sentence) }
                    ul.keys aria-label="Key numbers" {
                        @for key in keys(night) { li { (key) } }
                    }
                }
                main { (sections::all(night)) }
                footer { (sections::origin(night)) }
            }
        }
    }
}

/// What came of the night: a word, its class in the style, and a sentence.
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
            ("Published", "good", "Nothing was published before; no check of the gate failed.".to_owned())
        }
        Verdict::Passed => ("Published", "good", format!("None of the gate's {n_checks} checks failed.")),
        Verdict::Refused => {
            let stays =
                if gate.baseline.is_some() { "What was published stays" } else { "Nothing is published" };
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

fn keys(night: &Night<'_>) -> Vec<Key> {
    let account = &night.manifest.account;
    let before = night.before.map(|before| &before.account);
    let change = |figure: fn(&Account) -> f64| before.map(|before| (figure(before), figure(account)));
    let measured = |name: &str| {
        let now = account.metrics.get(name).copied()?;
        Some((now, before.and_then(|before| Some((*before.metrics.get(name)?, now)))))
    };
    let number = |name, value: u64, figure: fn(&Account) -> f64| Key {
        name,
        value: words::count(value),
        beside: None,
        change: change(figure),
    };
    let mut keys = vec![
        number("Ratings", account.counts.ratings, |account| account.counts.ratings as f64),
        number("Users with a list", account.counts.users, |account| account.counts.users as f64),
    ];
    if let Some((ndcg, change)) = measured("ndcg@10") {
        let popular = account.metrics.get("popularity_ndcg@10");
        let beside = popular.map(|popular| format!("most popular movies: {popular:.3}"));
        keys.push(Key { name: "NDCG@10", value: format!("{ndcg:.3}"), beside, change });
    }
    if let Some((rmse, change)) = measured("rmse") {
        let beside = Some("stars; less is better".to_owned());
        keys.push(Key { name: "RMSE", value: format!("{rmse:.3}"), beside, change });
    }
    let covered = account.counts.recommended as f64 / account.counts.movies.max(1) as f64;
    keys.push(Key {
        beside: Some(format!("in the first ten of anybody: {} of the movies", words::percent(covered))),
        ..number("Movies recommended", account.counts.recommended, |account| {
            account.counts.recommended as f64
        })
    });
    let seconds = |account: &Account| account.phases.values().map(|phase| phase.seconds).sum::<f64>();
    let peak = account.phases.values().map(|phase| phase.peak_rss_bytes).max().unwrap_or(0);
    keys.push(Key {
        name: "Time",
        value: words::duration(seconds(account)),
        beside: (peak > 0).then(|| format!("at most {}", words::bytes(peak))),
        change: change(seconds),
    });
    keys
}

impl maud::Render for Key {
    fn render(&self) -> Markup {
        html! {
            span.name { (self.name) }
            strong { (self.value) }
            @if let Some((before, now)) = self.change {
                span.change { (words::change(before, now)) @if before != now { " since last" } }
            }
            @if let Some(beside) = &self.beside { span.beside { (beside) } }
        }
    }
}
