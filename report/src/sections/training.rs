//! How training went.

use maud::{Markup, html};

use super::{Night, section};
use crate::plots::{Frame, Line, lines};

pub(super) fn of(night: &Night<'_>) -> Markup {
    let course = &night.evidence.course;
    section(
        "training",
        "Training",
        html! {
            p.soft { "Errors on ratings that were learnt from, so they fall further than those on held-out ones." }
            div.side {
                (curve("Ranking model", "what a rating says (0 to 1) less the score, root mean square", "epoch", &course.ranking))
                (curve("Rating model", "error of each sweep's draw in stars, root mean square; the model is their mean", "sweep", &course.rating))
            }
        },
    )
}

fn curve(name: &str, says: &str, step: &str, values: &[f64]) -> Markup {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return html! {} };
    let says = format!("{says}: {first:.3} after {step} 1, {last:.3} after {step} {}", values.len());
    let whole = |x: f64| if (x - x.round()).abs() < 1e-6 { format!("{x:.0}") } else { String::new() };
    lines(
        &Frame { name, says, x_label: &whole, y_label: &|y| format!("{y:.2}"), y: None },
        &[Line::of_steps(values)],
    )
}
