//! Time and memory of the run, and the origin of the page.

use maud::{Markup, html};
use store::manifest::{Phase, Usage};

use super::{RunReport, bar, section};
use crate::format;

/// Describes a phase in a few words.
fn description(phase: Phase) -> &'static str {
    match phase {
        Phase::Ingest => "reading and cleaning",
        Phase::Evaluate => "measuring on held-out ratings",
        Phase::Train => "training",
        Phase::Cut => "cutting the ratings into shards",
        Phase::Score => "computing top-N lists",
        Phase::Compare => "similar movies",
        Phase::Gate => "checking all lists",
        Phase::Report => "collecting figures for this page",
        Phase::Write => "writing the records",
        Phase::Upload => "adding the generation to the store",
        Phase::Publish => "moving CURRENT",
    }
}

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let account = &report.manifest.account;
    let last = |phase: Phase| report.before.and_then(|before| before.account.phases.get(&phase));
    let total: f64 = account.phases.values().map(|usage| usage.seconds).sum();
    section(
        "machine",
        "Time and memory",
        html! {
            p {
                (format::duration(total)) " in all; "
                (format::count(account.candidates_per_second as u64)) " candidates per second."
            }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Phase" } th scope="col" class="n" { "Time" } td.bar aria-hidden="true" {}
                    th scope="col" class="n" { "Before" } th scope="col" class="n" { "Memory" }
                } }
                tbody { @for (&phase, &Usage { seconds, peak_rss_bytes }) in &account.phases {
                    tr {
                        th scope="row" { (phase) span.soft { ": " (description(phase)) } }
                        td.n { (format!("{seconds:.2} s")) }
                        (bar(seconds / total.max(f64::MIN_POSITIVE), false))
                        td.n { @match last(phase) { Some(last) => (format!("{:.2} s", last.seconds)), None => "–" } }
                        td.n { @if peak_rss_bytes > 0 { (format::bytes(peak_rss_bytes)) } @else { "–" } }
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
