//! What the night took, and where the page comes from.

use maud::{Markup, html};
use store::manifest::{Phase, Usage};

use super::{Night, bar, section};
use crate::words;

/// Describes a phase in a few words.
fn description(phase: Phase) -> &'static str {
    match phase {
        Phase::Ingest => "reading and cleaning",
        Phase::Evaluate => "measuring on held-out ratings",
        Phase::Train => "training",
        Phase::Cut => "cutting the ratings into shards",
        Phase::Score => "the best movies of every user",
        Phase::Compare => "similar movies",
        Phase::Gate => "reading back all lists",
        Phase::Report => "collecting the figures of this page",
        Phase::Write => "writing the records",
        Phase::Upload => "adding the generation to the store",
        Phase::Publish => "moving CURRENT",
    }
}

pub(super) fn of(night: &Night<'_>) -> Markup {
    let account = &night.manifest.account;
    let last = |phase: Phase| night.before.and_then(|before| before.account.phases.get(&phase));
    let total: f64 = account.phases.values().map(|usage| usage.seconds).sum();
    section(
        "machine",
        "Time and memory",
        html! {
            p {
                (words::duration(total)) " in all; "
                (words::count(account.candidates_per_second as u64)) " candidates a second."
            }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Phase" } th scope="col" class="n" { "Time" } td.bar aria-hidden="true" {}
                    th scope="col" class="n" { "Last" } th scope="col" class="n" { "Memory" }
                } }
                tbody { @for (&phase, &Usage { seconds, peak_rss_bytes }) in &account.phases {
                    tr {
                        th scope="row" { (phase) span.soft { ": " (description(phase)) } }
                        td.n { (format!("{seconds:.2} s")) }
                        (bar(seconds / total.max(f64::MIN_POSITIVE), false))
                        td.n { @match last(phase) { Some(last) => (format!("{:.2} s", last.seconds)), None => "–" } }
                        td.n { @if peak_rss_bytes > 0 { (words::bytes(peak_rss_bytes)) } @else { "–" } }
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
