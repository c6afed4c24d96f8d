//! What the night took, and where the page comes from.

use maud::{Markup, html};
use store::manifest::Phase;

use super::{Night, bar, section};
use crate::words;

/// The phases of a run, in order.
const PHASES: [(&str, &str); 8] = [
    ("ingest", "reading and cleaning"),
    ("evaluate", "measuring on held-out ratings"),
    ("train", "training"),
    ("score", "the best movies of every user"),
    ("compare", "similar movies"),
    ("gate", "reading back all lists"),
    ("report", "looking at them for this page"),
    ("publish", "writing"),
];

pub(super) fn of(night: &Night<'_>) -> Markup {
    let account = &night.manifest.account;
    let last = |name: &str| night.before.and_then(|before| before.account.phases.get(name));
    let total: f64 = account.phases.values().map(|phase| phase.seconds).sum();
    section(
        "machine",
        "Time and memory",
        html! {
            p {
                (words::duration(total)) " up to the manifest; "
                (words::count(account.candidates_per_second as u64)) " candidates a second."
            }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Phase" } th scope="col" class="n" { "Time" } td.bar aria-hidden="true" {}
                    th scope="col" class="n" { "Last" } th scope="col" class="n" { "Memory" }
                } }
                tbody { @for (name, says) in PHASES {
                    @if let Some(&Phase { seconds, peak_rss_bytes }) = account.phases.get(name) {
                        tr {
                            th scope="row" { (name) span.soft { ": " (says) } }
                            td.n { (format!("{seconds:.2} s")) }
                            (bar(seconds / total.max(f64::MIN_POSITIVE), false))
                            td.n { @match last(name) { Some(last) => (format!("{:.2} s", last.seconds)), None => "–" } }
                            td.n { @if peak_rss_bytes > 0 { (words::bytes(peak_rss_bytes)) } @else { "–" } }
                        }
                    }
                } }
            } }
        },
    )
}

pub(super) fn origin(night: &Night<'_>) -> Markup {
    let manifest = night.manifest;
    let account = &manifest.account;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    html! {
        p {
            "Generation " code { (manifest.generation) } " of " (words::bytes(bytes)) ", from "
            code { (account.source.ratings.path) } " and " code { (account.source.movies.path) }
            ", by version " (account.code_version) ". Its manifest has every figure."
        }
    }
}
