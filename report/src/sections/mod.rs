//! The sections of the page, in its order.

mod gate;
mod quality;
mod rows;
mod training;
mod lists;
mod changes;
mod samples;
mod machine;

use maud::{Markup, html};

use super::RunReport;

/// Writes all sections.
pub(super) fn all(report: &RunReport<'_>) -> Markup {
    // The gate comes first only if a check failed.
    let gate_first = report.manifest.account.gate.failed().next().is_some();
    html! {
        @if gate_first { (gate::of(report)) }
        (quality::of(report))
        (rows::of(report))
        (changes::of(report))
        (lists::of(report))
        (samples::of(report))
        (training::of(report))
        @if !gate_first { (gate::of(report)) }
        (machine::of(report))
    }
}

/// Writes the origin of the page, for its end.
pub(super) fn origin(report: &RunReport<'_>) -> Markup {
    machine::origin(report)
}

/// Writes a section with its heading.
fn section(id: &str, heading: &str, content: Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (heading) } (content) } }
}

/// Draws a bar of a share. It is hidden from screen readers, which have the number beside it.
fn bar(share: f64, is_less: bool) -> Markup {
    let width = format!("width:{:.1}%", 100.0 * share.clamp(0.0, 1.0));
    html! { td.bar aria-hidden="true" { @if share > 0.0 { i.less[is_less] style=(width) {} } } }
}
