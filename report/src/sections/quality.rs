//! The quality on held-out ratings, beside that of the most popular movies and of the runs before.

use std::collections::BTreeSet;

use evaluation::{Metric, Metrics};
use maud::{Markup, html};
use store::manifest::{Manifest, Measurement, Verdict};

use super::{RunReport, section};
use crate::format;
use crate::plots::{Frame, Line, lines};

/// Describes a metric of a run in a few words.
fn description(metric: Metric) -> String {
    match metric {
        Metric::Ndcg(k) => format!("order of the first {k}"),
        Metric::Recall(k) => format!("share of relevant movies among the first {k}"),
        Metric::Map(k) => format!("mean average precision of the first {k}"),
        Metric::HitRate(k) => format!("share of users with a relevant movie among the first {k}"),
        Metric::Coverage(k) => format!("share of movies among the first {k} of a list"),
        Metric::Gini(k) => format!("concentration of the first {k}"),
        Metric::Top1PercentShare(k) => format!("places of the top hundredth among the first {k}"),
        Metric::Rmse => "error of predicted stars".to_owned(),
        Metric::Mae => "absolute error of predicted stars".to_owned(),
    }
}

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let metrics = &report.manifest.account.metrics;
    let runs: Vec<&Manifest> = report.earlier.iter().chain([report.manifest]).collect();
    section(
        "quality",
        "Quality on held-out ratings",
        html! {
            @if metrics.is_empty() {
                p { "No ratings were held out, so nothing was measured." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Metric" } th scope="col" class="n" { "This run" }
                        th scope="col" class="n" { "Most popular" } th scope="col" class="n" { "Before" }
                        th scope="col" class="n" { "Change" }
                    } }
                    tbody { @for metric in Metric::all_in(metrics) {
                        @if let Some(value) = metric.of(metrics) {
                            @let popular = metric.of_popularity(metrics);
                            @let is_worse = popular.is_some_and(|popular| is_worse(metric, value, popular));
                            @let last = report.before.and_then(|before| metric.of(&before.account.metrics));
                            tr {
                                th scope="row" { (metric.title()) span.soft { ": " (description(metric)) } }
                                td.n { @if is_worse { strong.bad { (figure(value)) } } @else { (figure(value)) } }
                                td.n { @match popular { Some(popular) => (figure(popular)), None => "–" } }
                                td.n { @match last { Some(last) => (figure(last)), None => "–" } }
                                td.n { @if let Some(last) = last {
                                    span.(class_of_change(metric, value, last)) { (format::change(last, value)) }
                                } }
                            }
                        }
                    } }
                } }
            }
            @if let Some(measurement) = &report.manifest.account.measurement { (slices(measurement)) }
            @if runs.len() > 1 {
                div.side {
                    (trend(Metric::Ndcg(10), "more is better", &runs))
                    (trend(Metric::Rmse, "in stars, less is better", &runs))
                }
                (table(&runs))
            }
        },
    )
}

/// The quality of lists by the number of the user's training ratings.
fn slices(measurement: &Measurement) -> Markup {
    let users = &measurement.users;
    let keys: BTreeSet<&String> = measurement.slices.iter().flat_map(|slice| slice.metrics.keys()).collect();
    let mut metrics: Vec<Metric> = keys.iter().filter_map(|key| key.parse().ok()).collect();
    metrics.sort_unstable();
    html! {
        p.soft {
            @match measurement.relevant_at {
                Some(least) => { "Held-out ratings of " (least) " stars or more are relevant. " },
                None => "All held-out ratings are relevant. ",
            }
            (format::count(users.evaluated)) " users have one, " (format::count(users.without_relevant)) " do not"
            @if users.not_measurable > 0 {
                ", and " (format::count(users.not_measurable)) " have one rating and cannot be measured"
            }
            "."
        }
        div.scroll { table {
            caption { "By the number of ratings that the user's list was made of" }
            thead { tr {
                th scope="col" { "Training ratings" } th scope="col" class="n" { "Users" }
                @for metric in &metrics {
                    th scope="col" class="n" { (metric.title()) } th scope="col" class="n" { "Most popular" }
                }
            } }
            tbody { @for slice in &measurement.slices {
                tr {
                    th scope="row" { (slice) } td.n { (format::count(slice.users)) }
                    @for metric in &metrics {
                        @match slice.metrics.get(&metric.key()) {
                            Some(pair) => {
                                @let is_worse = is_worse(*metric, pair.model, pair.popularity);
                                td.n { @if is_worse { strong.bad { (figure(pair.model)) } } @else { (figure(pair.model)) } }
                                td.n { (figure(pair.popularity)) }
                            },
                            None => { td.n { "–" } td.n { "–" } },
                        }
                    }
                }
            } }
        } }
    }
}

/// Plots a metric over the last runs, beside that of the most popular movies if it was measured.
fn trend(metric: Metric, says: &str, runs: &[&Manifest]) -> Markup {
    let points = |value: fn(Metric, &Metrics) -> Option<f64>| -> (Vec<(f64, f64)>, Vec<bool>) {
        let numbered = (1u32..).zip(runs);
        numbered
            .filter_map(|(at, run)| {
                let refused = run.account.gate.verdict == Verdict::Refused;
                Some(((f64::from(at), value(metric, &run.account.metrics)?), refused))
            })
            .unzip()
    };
    let (of_model, refused) = points(Metric::of);
    let n_measured = of_model.len();
    let all = [
        Line { points: of_model, legend: "these lists", is_first: true, marked: Some(refused) },
        Line {
            points: points(Metric::of_popularity).0,
            legend: "most popular movies",
            is_first: false,
            marked: None,
        },
    ];
    let date = |run: &&Manifest| run.generation.time().map(|time| time.strftime("%F").to_string());
    let is_one_day = runs.first().map(date) == runs.last().map(date);
    let label = |x: f64| {
        let whole = (x - x.round()).abs() < 1e-6;
        let run = if whole { runs.get((x.round() as usize).wrapping_sub(1)) } else { None };
        run.map(|run| format::mark(&run.generation, is_one_day)).unwrap_or_default()
    };
    let over = if n_measured == 1 { "one run".to_owned() } else { format!("the last {n_measured} runs") };
    let (name, says) = (metric.title(), format!("over {over}; {says}"));
    let frame = Frame { name: &name, says, x_label: &label, y_label: &|y| format!("{y:.3}"), y: None };
    html! { div { (lines(&frame, &all)) } }
}

/// The values of the plots as a table.
fn table(runs: &[&Manifest]) -> Markup {
    let value =
        |metric: Metric, run: &Manifest| metric.of(&run.account.metrics).map_or("–".to_owned(), figure);
    html! {
        div.scroll { table {
            caption { "The last runs, newest first" }
            thead { tr {
                th scope="col" { "Run" } th scope="col" { "Gate" } th scope="col" class="n wide" { "Ratings" }
                th scope="col" class="n wide" { "Users" } th scope="col" class="n" { "NDCG@10" }
                th scope="col" class="n" { "RMSE" } th scope="col" class="n wide" { "Recommended" }
            } }
            tbody { @for run in runs.iter().rev() {
                @let account = &run.account;
                tr {
                    th.nowrap scope="row" { (format::day(&run.generation)) }
                    @match account.gate.verdict {
                        Verdict::Passed => td.good { "passed" },
                        Verdict::Refused => td.bad { "refused" },
                        Verdict::Forced => td.warn { "forced" },
                    }
                    td.n.wide { (format::count(account.counts.ratings)) }
                    td.n.wide { (format::count(account.counts.users)) }
                    td.n { (value(Metric::Ndcg(10), run)) } td.n { (value(Metric::Rmse, run)) }
                    td.n.wide { (format::count(account.counts.recommended)) }
                }
            } }
        } }
    }
}

fn figure(value: f64) -> String {
    format!("{value:.4}")
}

/// Whether the value of the model is worse than that of the most popular movies.
fn is_worse(metric: Metric, value: f64, popular: f64) -> bool {
    if metric.more_is_better() { value < popular } else { value > popular }
}

/// The class of a change in the style sheet: a change below one percent counts as noise.
fn class_of_change(metric: Metric, value: f64, last: f64) -> &'static str {
    let change = (value / last - 1.0) * if metric.more_is_better() { 1.0 } else { -1.0 };
    match change {
        change if change > 0.01 => "good",
        change if change < -0.01 => "bad",
        _ => "soft",
    }
}
