//! The lists of a few users beside their best ratings.

use maud::{Markup, html};

use super::{RunReport, section};
use crate::evidence::Sample;
use crate::format;

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    section(
        "samples",
        "A few lists",
        html! {
            @if report.evidence.samples.is_empty() { p { "No users to show." } }
            @for sample in &report.evidence.samples { (user(sample)) }
        },
    )
}

fn user(sample: &Sample) -> Markup {
    let Sample { why, user, n_ratings, liked, list } = sample;
    html! {
        h3 { "User " (user) ": " (why) " (" (format::count(*n_ratings as u64)) ")" }
        div.side {
            div.scroll { table {
                caption { "Recommended" }
                thead { tr {
                    th scope="col" { "Movie" } th scope="col" class="n" { "Score" } th scope="col" class="n" { "Stars" }
                } }
                tbody { @for (title, score, stars) in list {
                    tr {
                        th scope="row" { (title) } td.n { (format!("{score:.3}")) } td.n { (format!("{stars:.1}")) }
                    }
                } }
            } }
            div.scroll { table {
                caption { "Rated best" }
                thead { tr { th scope="col" { "Movie" } th scope="col" class="n" { "Stars" } } }
                tbody { @for (title, stars) in liked {
                    tr { th scope="row" { (title) } td.n { (format!("{stars:.1}")) } }
                } }
            } }
        }
    }
}
