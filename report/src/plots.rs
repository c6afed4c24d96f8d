//! Plots in SVG, inline, whose colours are those of the page: dark at night, black on white in print.
//!
//! They are drawn in colours that stand for others and are replaced by the variables of the page's style. Each has a
//! name and a sentence that says what there is to see.

use std::error::Error;
use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::evidence::Histogram;

/// The size of a plot in its own units: so small that text can be read on a phone.
const SIZE: (u32, u32) = (440, 220);
/// The height of text.
const TEXT: i32 = 14;

const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const FIRST: RGBColor = RGBColor(3, 3, 3);
const SECOND: RGBColor = RGBColor(4, 4, 4);
const ALARM: RGBColor = RGBColor(5, 5, 5);
/// What each stands for.
const COLOURS: [(&str, &str); 5] = [
    ("#010101", "var(--soft)"),
    ("#020202", "var(--line)"),
    ("#030303", "var(--first)"),
    ("#040404", "var(--second)"),
    ("#050505", "var(--bad)"),
];

type Drawn = Result<(), Box<dyn Error>>;
type Area<'b> = DrawingArea<SVGBackend<'b>, Shift>;

/// A line of a plot.
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    /// Whether it is what the plot is about, or what that is compared with.
    pub(super) is_first: bool,
    /// Whether each point is marked, and which of them are alarming.
    pub(super) marked: Option<Vec<bool>>,
}

impl Line {
    /// One that a plot is about, of values from 1 on.
    pub(super) fn of_steps(values: &[f64]) -> Self {
        let points = (1u32..).zip(values).map(|(step, &value)| (f64::from(step), value)).collect();
        Self { points, is_first: true, marked: None }
    }
}

/// What stands around a plot.
pub(super) struct Frame<'a> {
    pub(super) name: &'a str,
    /// What there is to see, in a sentence.
    pub(super) says: String,
    pub(super) x_label: &'a dyn Fn(f64) -> String,
    pub(super) y_label: &'a dyn Fn(f64) -> String,
    /// The values of y that must be on it.
    pub(super) y: Option<Range<f64>>,
}

/// Lines over a common x; lines without points are left out, and a plot without lines is nothing.
pub(super) fn lines(frame: &Frame<'_>, lines: &[Line]) -> Markup {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let x = spread(points().map(|point| point.0), 0.0);
    let y = spread(points().map(|point| point.1).chain(frame.y.iter().flat_map(|y| [y.start, y.end])), 0.08);
    let (Some(x), Some(y)) = (x, y) else { return html! {} };
    let y = frame.y.clone().unwrap_or(y);
    figure(frame, |area| {
        let mut chart = chart(area, frame, x, y, (5, 5))?;
        for line in lines {
            let colour = if line.is_first { FIRST } else { SECOND };
            chart.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?;
            let Some(alarming) = &line.marked else { continue };
            chart.draw_series(line.points.iter().zip(alarming).map(|(&point, &alarming)| {
                Circle::new(point, 4, if alarming { ALARM } else { colour }.filled())
            }))?;
        }
        Ok(())
    })
}

/// Bars of a histogram.
pub(super) fn bars(frame: &Frame<'_>, histogram: &Histogram) -> Markup {
    let Histogram { start, width, counts } = histogram;
    let (start, width) = (*start, *width);
    let sum: u64 = counts.iter().sum();
    let most = counts.iter().max().copied().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let share = |count: u64| count as f64 / sum as f64;
    figure(frame, |area| {
        let (x, y) = (start..start + width * counts.len() as f64, 0.0..share(most) * 1.05);
        let mut chart = chart(area, frame, x, y, (10, 4))?;
        chart.draw_series((0u32..).zip(counts).map(|(bar, &count)| {
            let left = start + width * f64::from(bar);
            let corners = [(left + 0.08 * width, 0.0), (left + 0.92 * width, share(count))];
            Rectangle::new(corners, FIRST.filled())
        }))?;
        Ok(())
    })
}

/// Axes, lines across and labels: so many along x and y, as far as there is room.
fn chart<'a, 'b>(
    area: &'a Area<'b>,
    frame: &Frame<'_>,
    x: Range<f64>,
    y: Range<f64>,
    (n_x_labels, n_y_labels): (usize, usize),
) -> Result<ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>, Box<dyn Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(18)
        .x_label_area_size(24)
        .y_label_area_size(52)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(n_x_labels)
        .y_labels(n_y_labels)
        .label_style(("sans-serif", TEXT, &INK))
        .x_label_formatter(&|x| (frame.x_label)(*x))
        .y_label_formatter(&|y| (frame.y_label)(*y))
        .draw()?;
    Ok(chart)
}

/// From the least to the greatest, with some space beyond both; nothing of no numbers.
fn spread(values: impl Iterator<Item = f64>, space: f64) -> Option<Range<f64>> {
    let (min, max) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)));
    if min > max {
        return None;
    }
    // Numbers that are all the same have space around them as well.
    let extent = if max > min { max - min } else { max.abs().max(1.0) * 0.1 };
    let space = if max > min { extent * space } else { extent };
    Some(min - space..max + space)
}

/// Draws, and puts the drawing into a figure. What cannot be drawn is left out: the numbers stand beside it.
fn figure(frame: &Frame<'_>, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Markup {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        if let Err(e) = draw(&area).and_then(|()| Ok(area.present()?)) {
            tracing::warn!("the plot `{}` could not be drawn: {e}", frame.name);
            return html! {};
        }
    }
    for (stand_in, colour) in COLOURS {
        svg = svg.replace(stand_in, colour);
    }
    // What is drawn without its outermost element, which is ours.
    let drawn = svg.split_once('>').map_or("", |(_, rest)| rest);
    let drawn = drawn.rsplit_once("</svg>").map_or(drawn, |(drawn, _)| drawn);
    html! {
        figure {
            figcaption { strong { (frame.name) } " " (frame.says) }
            svg role="img" viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } aria-label={ (frame.name) ": " (frame.says) } {
                title { (frame.name) }
                (PreEscaped(drawn))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame<'_> {
        Frame {
            name,
            says: "it rises".to_owned(),
            x_label: &|x| x.to_string(),
            y_label: &|y| y.to_string(),
            y: None,
        }
    }

    #[test]
    fn a_plot_has_a_name_and_the_colours_of_the_page() {
        let svg = lines(&frame("NDCG <b>"), &[Line::of_steps(&[0.1, 0.2, 0.4])]).into_string();
        assert!(svg.contains("aria-label=\"NDCG &lt;b&gt;: it rises\"") && svg.contains("polyline"), "{svg}");
        assert!(svg.contains("var(--first)") && !svg.contains('#') && !svg.contains("http"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn one_point_and_equal_points_are_drawn_and_none_are_nothing() {
        for values in [&[0.5][..], &[0.5, 0.5], &[0.0]] {
            assert!(lines(&frame("few"), &[Line::of_steps(values)]).into_string().contains("<svg"));
        }
        assert!(lines(&frame("none"), &[Line::of_steps(&[])]).into_string().is_empty());
        assert!(lines(&frame("no number"), &[Line::of_steps(&[f64::NAN])]).into_string().is_empty());
        assert!(bars(&frame("none"), &Histogram::default()).into_string().is_empty());
    }
}
