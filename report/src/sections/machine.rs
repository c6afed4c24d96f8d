//! Time and memory of the run, and the origin of the page.

use maud::{Markup, html};
use store::manifest::Phase;

use super::{RunReport, bar, section};
use crate::format;

/// The phases of a run, in order.
const PHASES: [(&str, &str); 8] = [
    ("ingest", "reading and cleaning"),
    ("evaluate", "measuring on held-out ratings"),
    ("train", "training"),
    ("score", "computing top-N lists"),
    ("compare", "similar movies"),
    ("gate", "checking all lists"),
    ("report", "collecting figures for this page"),
    ("publish", "writing"),
];

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let account = &report.manifest.account;
    let last = |name: &str| report.before.and_then(|before| before.account.phases.get(name));
    let total: f64 = account.phases.values().map(|phase| phase.seconds).sum();
    section(
        "machine",
        "Time and memory",
        html! {
            p {
                (format::duration(total)) " until the manifest was written; "
                (format::count(account.candidates_per_second as u64)) " candidates per second."
            }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Phase" } th scope="col" class="n" { "Time" } td.bar aria-hidden="true" {}
                    th scope="col" class="n" { "Before" } th scope="col" class="n" { "Memory" }
                } }
                tbody { @for (name, says) in PHASES {
                    @if let Some(&Phase { seconds, peak_rss_bytes }) = account.phases.get(name) {
                        tr {
                            th scope="row" { (name) span.soft { ": " (says) } }
                            td.n { (format!("{seconds:.2} s")) }
                            (bar(seconds / total.max(f64::MIN_POSITIVE), false))
                            td.n { @match last(name) { Some(last) => (format!("{:.2} s", last.seconds)), None => "–" } }
                            td.n { @if peak_rss_bytes > 0 { (format::bytes(peak_rss_bytes)) } @else { "–" } }
                        }
                    }
                } }
            } }
        },
    )
}

pub(super) fn origin(report: &RunReport<'_>) -> Markup {
    let manifest = report.manifest;
    let account = &manifest.account;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    html! {
        p {
            "Generation " code { (manifest.generation) } " of " (format::bytes(bytes)) ", from "
            code { (account.source.ratings.path) } " and " code { (account.source.movies.path) }
            ", by version " (account.code_version) ". The manifest has all figures."
        }
    }
}
