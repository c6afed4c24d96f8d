//! Inline SVG plots in the colors of the page, which differ between light mode, dark mode and print.
//!
//! Plots are drawn in placeholder colors, which are then replaced by the variables of the style sheet. Each plot has a
//! name and a sentence that describes it.

use std::error::Error;
use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::evidence::Histogram;

/// The size of a plot in its own units, small enough that text is readable on a phone.
const SIZE: (u32, u32) = (440, 220);
/// The height of text.
const TEXT: i32 = 14;
/// The least extent of the y axis, as a share of its largest value: a small change looks small.
const LEAST_EXTENT: f64 = 0.2;

const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const FIRST: RGBColor = RGBColor(3, 3, 3);
const SECOND: RGBColor = RGBColor(4, 4, 4);
const ALARM: RGBColor = RGBColor(5, 5, 5);
/// The placeholder colors and the variables that replace them.
const COLORS: [(&str, &str); 5] = [
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
    /// The text of the legend, which a plot of several lines has.
    pub(super) legend: &'static str,
    /// Whether the line is the subject of the plot, and not a comparison.
    pub(super) is_first: bool,
    /// For each point whether its mark is in the alarm color; `None` for no marks.
    pub(super) marked: Option<Vec<bool>>,
}

impl Line {
    /// The subject of a plot: values at x = 1, 2, 3 and so on.
    pub(super) fn of_steps(values: &[f64]) -> Self {
        let points = (1u32..).zip(values).map(|(step, &value)| (f64::from(step), value)).collect();
        Self { points, legend: "", is_first: true, marked: None }
    }
}

/// The name, the description and the axes of a plot.
pub(super) struct Frame<'a> {
    pub(super) name: &'a str,
    /// The description.
    pub(super) says: String,
    pub(super) x_label: &'a dyn Fn(f64) -> String,
    pub(super) y_label: &'a dyn Fn(f64) -> String,
    /// The range of the y axis; `None` for that of the values.
    pub(super) y: Option<Range<f64>>,
}

/// Draws lines over a common x axis. Lines without points are left out, also from the legend; without any line the
/// result is empty.
pub(super) fn lines(frame: &Frame<'_>, lines: &[Line]) -> Markup {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let x = spread(points().map(|point| point.0), 0.0, 0.0);
    let y = frame.y.clone().or_else(|| spread(points().map(|point| point.1), LEAST_EXTENT, 0.08));
    let (Some(x), Some(y)) = (x, y) else { return html! {} };
    let lines: Vec<&Line> = lines.iter().filter(|line| !line.points.is_empty()).collect();
    let plot = figure(frame, |area| {
        let mut chart = chart(area, frame, x, y, (5, 5))?;
        for line in &lines {
            let color = if line.is_first { FIRST } else { SECOND };
            chart.draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))?;
            let Some(alarming) = &line.marked else { continue };
            chart.draw_series(line.points.iter().zip(alarming).map(|(&point, &alarming)| {
                Circle::new(point, 4, if alarming { ALARM } else { color }.filled())
            }))?;
        }
        Ok(())
    });
    html! {
        (plot)
        @if lines.len() > 1 {
            p.soft { @for line in &lines { span.key.second[!line.is_first] { (line.legend) } " " } }
        }
    }
}

/// Draws the bars of a histogram.
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

/// Draws axes, grid lines and labels: at most so many along x and y.
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

/// The range of values with a margin at both ends, which is a share of its extent. The extent is at least a share of
/// the largest absolute value. `None` without finite values.
fn spread(values: impl Iterator<Item = f64>, least_extent: f64, margin: f64) -> Option<Range<f64>> {
    let (min, max) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)));
    if min > max {
        return None;
    }
    let largest = min.abs().max(max.abs());
    let missing = (least_extent * largest - (max - min)).max(0.0);
    // The axis also needs an extent if all values are equal.
    let missing = if max - min + missing > 0.0 { missing } else { 0.2 * largest.max(1.0) };
    let margin = (max - min + missing) * margin + missing / 2.0;
    Some(min - margin..max + margin)
}

/// Draws a figure. If that fails, the result is empty: the page has the numbers as text.
fn figure(frame: &Frame<'_>, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Markup {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        if let Err(e) = draw(&area).and_then(|()| Ok(area.present()?)) {
            tracing::warn!("the plot `{}` could not be drawn: {e}", frame.name);
            return html! {};
        }
    }
    for (stand_in, color) in COLORS {
        svg = svg.replace(stand_in, color);
    }
    // The drawing without its outermost element, which is replaced by one with a title.
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
    fn a_plot_has_a_name_and_the_colors_of_the_page() {
        let svg = lines(&frame("NDCG <b>"), &[Line::of_steps(&[0.1, 0.2, 0.4])]).into_string();
        assert!(svg.contains("aria-label=\"NDCG &lt;b&gt;: it rises\"") && svg.contains("polyline"), "{svg}");
        assert!(svg.contains("var(--first)") && !svg.contains('#') && !svg.contains("http"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn one_point_and_equal_points_are_drawn_and_no_points_give_no_plot() {
        for values in [&[0.5][..], &[0.5, 0.5], &[0.0]] {
            assert!(lines(&frame("few"), &[Line::of_steps(values)]).into_string().contains("<svg"));
        }
        assert!(lines(&frame("none"), &[Line::of_steps(&[])]).into_string().is_empty());
        assert!(lines(&frame("no number"), &[Line::of_steps(&[f64::NAN])]).into_string().is_empty());
        assert!(bars(&frame("none"), &Histogram::default()).into_string().is_empty());
    }

    #[test]
    fn a_change_of_a_few_per_mille_takes_a_small_part_of_the_axis() {
        let y = spread([0.800, 0.7976].into_iter(), LEAST_EXTENT, 0.08).unwrap();
        assert!(y.end - y.start > 0.16, "{y:?}");
        assert!((0.5 * (y.start + y.end) - 0.7988).abs() < 1e-9, "{y:?}");
        let wide = spread([0.1, 0.9].into_iter(), LEAST_EXTENT, 0.0).unwrap();
        assert_eq!(wide, 0.1..0.9);
        assert!(spread([0.0, 0.0].into_iter(), LEAST_EXTENT, 0.0).is_some_and(|y| y.start < y.end));
    }

    #[test]
    fn a_legend_names_the_lines_that_are_drawn() {
        let line = |legend, values: &[f64]| Line { legend, ..Line::of_steps(values) };
        let both = lines(&frame("two"), &[line("these", &[0.1, 0.2]), line("those", &[0.3])]).into_string();
        assert!(both.contains("these</span>") && both.contains("those</span>"), "{both}");
        let one = lines(&frame("one"), &[line("these", &[0.1, 0.2]), line("those", &[])]).into_string();
        assert!(one.contains("<svg") && !one.contains("<span"), "{one}");
        assert!(lines(&frame("none"), &[line("these", &[]), line("those", &[])]).into_string().is_empty());
    }
}
