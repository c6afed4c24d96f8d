//! The lists: the distribution of scores, and of the places over the movies.

use maud::{Markup, html};

use super::{RunReport, section};
use crate::evidence::{Exposure, Histogram};
use crate::format;
use crate::plots::{Frame, Line, bars, lines};

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let evidence = report.evidence;
    html! {
        (section("scores", "Scores of the first ten", html! {
            div.side {
                (distribution("Score", "the number that orders the lists", &evidence.scores, 2))
                (distribution("Predicted rating", "in stars", &evidence.stars, 1))
            }
        }))
        @if let Some(exposure) = &evidence.exposure { (coverage(exposure)) }
    }
}

fn distribution(name: &str, says: &str, histogram: &Histogram, digits: usize) -> Markup {
    let Some((from, to)) = histogram.middle() else {
        return html! { p { (name) ": no values, or all are equal." } };
    };
    let n: u64 = histogram.counts.iter().sum();
    let says =
        format!("{says}; the median of {} lies between {from:.digits$} and {to:.digits$}", format::count(n));
    let label = |x: f64| format!("{x:.digits$}");
    let share = |y: f64| format!("{:.0} %", 100.0 * y);
    bars(&Frame { name, says, x_label: &label, y_label: &share, y: None }, histogram)
}

fn coverage(exposure: &Exposure) -> Markup {
    let Exposure { concentration, n_users, n_movies, n_shown, curve, most } = exposure;
    let says = format!(
        "the share of the first ten places that the most recommended movies take; the top hundredth of the movies takes {}",
        format::percent(concentration.top_1_percent_share)
    );
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let even = Line {
        points: vec![(0.0, 0.0), (1.0, 1.0)],
        legend: "all movies alike",
        is_first: false,
        marked: None,
    };
    let shares = Line { points: curve.clone(), legend: "these lists", is_first: true, marked: None };
    let frame =
        Frame { name: "Concentration", says, x_label: &percent, y_label: &percent, y: Some(0.0..1.0) };
    section(
        "coverage",
        "Coverage and concentration",
        html! {
            p {
                (format::count(*n_shown as u64)) " of " (format::count(*n_movies as u64)) " movies ("
                (format::percent(concentration.coverage)) ") are among the first ten of a list. Gini coefficient "
                (format!("{:.3}", concentration.gini)) " (0: all movies alike, 1: one movie has all places)."
            }
            div.side {
                div { (lines(&frame, &[shares, even])) }
                div.scroll { table {
                    caption { "Most recommended" }
                    thead { tr {
                        th scope="col" { "Movie" } th scope="col" class="n" { "Users" } th scope="col" class="n" { "Share" }
                    } }
                    tbody { @for (title, users) in most {
                        tr {
                            th scope="row" { (title) } td.n { (format::count(*users)) }
                            td.n { (format::percent(*users as f64 / (*n_users).max(1) as f64)) }
                        }
                    } }
                } }
            }
        },
    )
}
