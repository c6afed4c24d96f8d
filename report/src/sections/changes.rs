//! The changes since the published generation: input, settings, program and lists.

use maud::{Markup, html};

use super::{RunReport, section};
use crate::causes::of_causes;
use crate::evidence::{ListChange, MovieChange};
use crate::format;

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    section(
        "changes",
        "Changes since the published generation",
        html! {
            @match report.before {
                None => p { "Nothing was published before." },
                Some(before) => {
                    @let causes = of_causes(&before.account, &report.manifest.account);
                    p {
                        "Since " code { (before.generation) } ": "
                        @if before.content_digest == report.manifest.content_digest {
                            "all records are the same. "
                        }
                        @if causes.is_empty() { "input, settings and program are the same." }
                        @else { (causes.join("; ")) "." }
                    }
                    @match &report.evidence.change {
                        Some(Ok(change)) => (lists(change)),
                        Some(Err(why)) => p.soft { "The lists were not compared: " (why) "." },
                        None => {},
                    }
                }
            }
        },
    )
}

fn lists(change: &ListChange) -> Markup {
    let &ListChange { n_compared, n_changed, mean_overlap, ref movies_in, ref movies_out } = change;
    html! {
        p {
            "Of " (format::count(n_compared)) " users compared, " (format::count(n_changed))
            " have other movies among the first ten, or in another order. On average "
            (format::percent(mean_overlap)) " of the first ten stayed."
        }
        div.side {
            (movies("Recommended to more users", movies_in))
            (movies("Recommended to fewer users", movies_out))
        }
    }
}

fn movies(caption: &str, movies: &[MovieChange]) -> Markup {
    html! {
        @if !movies.is_empty() {
            div.scroll { table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Movie" } th scope="col" class="n" { "Before" } th scope="col" class="n" { "This run" }
                } }
                tbody { @for movie in movies {
                    tr {
                        th scope="row" { (movie.title) } td.n { (format::count(movie.before)) }
                        td.n { (format::count(movie.after)) }
                    }
                } }
            } }
        }
    }
}
