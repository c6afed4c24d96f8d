//! The error after each step of training.

use maud::{Markup, html};

use super::{RunReport, section};
use crate::plots::{Frame, Line, lines};

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let course = &report.evidence.course;
    section(
        "training",
        "Training",
        html! {
            p.soft { "Errors on the training ratings, which are smaller than those on held-out ratings." }
            div.side {
                (curve("Ranking model", "root mean square of the preference (0 to 1) minus the score", "epoch", &course.ranking))
                (curve("Rating model", "root mean square error in stars of the draw of each sweep; the model is the mean of the draws", "sweep", &course.rating))
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
