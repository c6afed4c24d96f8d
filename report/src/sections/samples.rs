//! The lists of a few users beside what they have rated.

use maud::{Markup, html};

use super::{Night, section};
use crate::evidence::Sample;
use crate::words;

pub(super) fn of(night: &Night<'_>) -> Markup {
    section(
        "samples",
        "A few lists",
        html! {
            @if night.evidence.samples.is_empty() { p { "There are no users to show." } }
            @for sample in &night.evidence.samples { (user(sample)) }
        },
    )
}

fn user(sample: &Sample) -> Markup {
    let Sample { why, user, n_ratings, liked, list } = sample;
    html! {
        h3 { "User " (user) ": " (why) " (" (words::count(*n_ratings as u64)) ")" }
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
