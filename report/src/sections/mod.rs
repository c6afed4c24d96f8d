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

use super::Night;

/// All sections.
pub(super) fn all(night: &Night<'_>) -> Markup {
    // Where it found nothing, there is more to see elsewhere.
    let gate_first = night.manifest.account.gate.failed().next().is_some();
    html! {
        @if gate_first { (gate::of(night)) }
        (quality::of(night))
        (rows::of(night))
        (changes::of(night))
        (lists::of(night))
        (samples::of(night))
        (training::of(night))
        @if !gate_first { (gate::of(night)) }
        (machine::of(night))
    }
}

/// Where the page comes from, for its end.
pub(super) fn origin(night: &Night<'_>) -> Markup {
    machine::origin(night)
}

/// A section with its heading.
fn section(id: &str, heading: &str, content: Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (heading) } (content) } }
}

/// A bar of a share of the whole, drawn for those who see it: the number stands beside it.
fn bar(share: f64, is_less: bool) -> Markup {
    let width = format!("width:{:.1}%", 100.0 * share.clamp(0.0, 1.0));
    html! { td.bar aria-hidden="true" { @if share > 0.0 { i.less[is_less] style=(width) {} } } }
}
