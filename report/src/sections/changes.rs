//! What changed since what is published: what went in, and what users see.

use maud::{Markup, html};

use super::{Night, section};
use crate::causes::of_causes;
use crate::evidence::{ListChange, MovieChange};
use crate::words;

pub(super) fn of(night: &Night<'_>) -> Markup {
    section(
        "changes",
        "What changed since last",
        html! {
            @match night.before {
                None => p { "Nothing was published before." },
                Some(before) => {
                    @let causes = of_causes(&before.account, &night.manifest.account);
                    p {
                        "Since " code { (before.generation) } ": "
                        @if before.content_digest == night.manifest.content_digest {
                            "all records are the same. "
                        }
                        @if causes.is_empty() { "input, settings and program are the same." }
                        @else { (causes.join("; ")) "." }
                    }
                    @match &night.evidence.change {
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
            "Of " (words::count(n_compared)) " users compared, " (words::count(n_changed))
            " have another first ten, or in another order. On average "
            (words::percent(mean_overlap)) " of the first ten stayed."
        }
        div.side {
            (movies("Recommended to more", movies_in))
            (movies("Recommended to fewer", movies_out))
        }
    }
}

fn movies(caption: &str, movies: &[MovieChange]) -> Markup {
    html! {
        @if !movies.is_empty() {
            div.scroll { table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Movie" } th scope="col" class="n" { "Last" } th scope="col" class="n" { "Tonight" }
                } }
                tbody { @for movie in movies {
                    tr {
                        th scope="row" { (movie.title) } td.n { (words::count(movie.before)) }
                        td.n { (words::count(movie.after)) }
                    }
                } }
            } }
        }
    }
}
