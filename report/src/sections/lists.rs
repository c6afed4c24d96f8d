//! What the lists are like: how scores are distributed, and how the movies share the places.

use maud::{Markup, html};

use super::{Night, section};
use crate::evidence::{Exposure, Histogram};
use crate::plots::{Frame, Line, bars, lines};
use crate::words;

pub(super) fn of(night: &Night<'_>) -> Markup {
    let evidence = night.evidence;
    html! {
        (section("scores", "Scores of the first ten", html! {
            div.side {
                (distribution("Score", "what orders the lists", &evidence.scores, 2))
                (distribution("Predicted rating", "in stars", &evidence.stars, 1))
            }
        }))
        @if let Some(exposure) = &evidence.exposure { (coverage(exposure)) }
    }
}

fn distribution(name: &str, says: &str, histogram: &Histogram, digits: usize) -> Markup {
    let Some((from, to)) = histogram.middle() else {
        return html! { p { (name) ": there are none, or all are the same." } };
    };
    let n: u64 = histogram.counts.iter().sum();
    let says = format!(
        "{says}; the middle one of {} lies between {from:.digits$} and {to:.digits$}",
        words::count(n)
    );
    let label = |x: f64| format!("{x:.digits$}");
    let share = |y: f64| format!("{:.0} %", 100.0 * y);
    bars(&Frame { name, says, x_label: &label, y_label: &share, y: None }, histogram)
}

fn coverage(exposure: &Exposure) -> Markup {
    let Exposure { concentration, n_users, n_movies, n_shown, curve, most } = exposure;
    let says = format!(
        "the share of all first places that the most recommended movies have; one in a hundred has {}",
        words::percent(concentration.top_1_percent_share)
    );
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let even = Line { points: vec![(0.0, 0.0), (1.0, 1.0)], is_first: false, marked: None };
    let shares = Line { points: curve.clone(), is_first: true, marked: None };
    let frame =
        Frame { name: "Concentration", says, x_label: &percent, y_label: &percent, y: Some(0.0..1.0) };
    section(
        "coverage",
        "Coverage and concentration",
        html! {
            p {
                (words::count(*n_shown as u64)) " of " (words::count(*n_movies as u64)) " movies ("
                (words::percent(concentration.coverage)) ") stand among the first ten of anybody. Gini "
                (format!("{:.3}", concentration.gini)) " (0: all movies alike, 1: one has all)."
            }
            div.side {
                div {
                    (lines(&frame, &[even, shares]))
                    p.soft { span.key { "these lists" } " " span.key.second { "all movies alike" } }
                }
                div.scroll { table {
                    caption { "Most recommended" }
                    thead { tr {
                        th scope="col" { "Movie" } th scope="col" class="n" { "Users" } th scope="col" class="n" { "Share" }
                    } }
                    tbody { @for (title, users) in most {
                        tr {
                            th scope="row" { (title) } td.n { (words::count(*users)) }
                            td.n { (words::percent(*users as f64 / (*n_users).max(1) as f64)) }
                        }
                    } }
                } }
            }
        },
    )
}
