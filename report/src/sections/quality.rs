//! How good the model was on held-out ratings: beside the most popular movies, and beside the last nights.

use maud::{Markup, html};
use store::manifest::{Manifest, Verdict};

use super::{Night, section};
use crate::plots::{Frame, Line, lines};
use crate::words;

/// The figures of a night, whether more is better, and in words what each says.
const FIGURES: [(&str, bool, &str); 6] = [
    ("ndcg@10", true, "order of the first 10"),
    ("ndcg@100", true, "order of the first 100"),
    ("recall@20", true, "share of what was liked among the first 20"),
    ("coverage@10", true, "share of movies among the first 10 of anybody"),
    ("rmse", false, "error of predicted stars"),
    ("mae", false, "absolute error of predicted stars"),
];

pub(super) fn of(night: &Night<'_>) -> Markup {
    let metrics = &night.manifest.account.metrics;
    let nights: Vec<&Manifest> = night.earlier.iter().chain([night.manifest]).collect();
    section(
        "quality",
        "Quality on held-out ratings",
        html! {
            @if metrics.is_empty() {
                p { "No ratings were held out tonight, so nothing was measured." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Figure" } th scope="col" class="n" { "Tonight" }
                        th scope="col" class="n" { "Most popular" } th scope="col" class="n" { "Last" }
                        th scope="col" class="n" { "Change" }
                    } }
                    tbody { @for (name, more_is_better, says) in FIGURES {
                        @if let Some(&value) = metrics.get(name) {
                            @let popular = metrics.get(&format!("popularity_{name}"));
                            @let last = night.before.and_then(|before| before.account.metrics.get(name));
                            tr {
                                th scope="row" { (title(name)) span.soft { ": " (says) } }
                                td.n { (figure(value)) }
                                td.n { @match popular { Some(&popular) => (figure(popular)), None => "–" } }
                                td.n { @match last { Some(&last) => (figure(last)), None => "–" } }
                                td.n { @if let Some(&last) = last {
                                    span.(judged(value, last, more_is_better)) { (words::change(last, value)) }
                                } }
                            }
                        }
                    } }
                } }
            }
            @if nights.len() > 1 {
                div.side {
                    (trend("NDCG@10", "more is better", &nights, "ndcg@10", Some("popularity_ndcg@10")))
                    (trend("RMSE", "in stars, less is better", &nights, "rmse", None))
                }
                (table(&nights))
            }
        },
    )
}

/// A figure over the last nights, beside that of the most popular movies.
fn trend(name: &str, says: &str, nights: &[&Manifest], metric: &str, beside: Option<&str>) -> Markup {
    let points = |metric: &str| -> (Vec<(f64, f64)>, Vec<bool>) {
        let numbered = (1u32..).zip(nights);
        numbered
            .filter_map(|(at, night)| {
                let refused = night.account.gate.verdict == Verdict::Refused;
                Some(((f64::from(at), *night.account.metrics.get(metric)?), refused))
            })
            .unzip()
    };
    let (values, refused) = points(metric);
    let mut all = vec![Line { points: values, is_first: true, marked: Some(refused) }];
    if let Some(beside) = beside {
        all.push(Line { points: points(beside).0, is_first: false, marked: None });
    }
    let date = |night: &&Manifest| night.generation.time().map(|time| time.strftime("%F").to_string());
    let is_one_day = nights.first().map(date) == nights.last().map(date);
    let label = |x: f64| {
        let whole = (x - x.round()).abs() < 1e-6;
        let night = if whole { nights.get((x.round() as usize).wrapping_sub(1)) } else { None };
        night.map(|night| words::mark(&night.generation, is_one_day)).unwrap_or_default()
    };
    let last = |n: usize| if n == 1 { "one night".to_owned() } else { format!("the last {n} nights") };
    let says = format!("over {}; {says}", last(all.first().map_or(0, |line| line.points.len())));
    let plot = lines(&Frame { name, says, x_label: &label, y_label: &|y| format!("{y:.3}"), y: None }, &all);
    html! {
        div {
            (plot)
            @if beside.is_some() {
                p.soft { span.key { "these lists" } " " span.key.second { "most popular movies" } }
            }
        }
    }
}

/// What the plots show, in numbers.
fn table(nights: &[&Manifest]) -> Markup {
    let value = |night: &Manifest, name: &str| {
        night.account.metrics.get(name).map_or("–".to_owned(), |&v| figure(v))
    };
    html! {
        div.scroll { table {
            caption { "The last nights, newest first" }
            thead { tr {
                th scope="col" { "Night" } th scope="col" { "Gate" } th scope="col" class="n" { "Ratings" }
                th scope="col" class="n" { "Users" } th scope="col" class="n" { "NDCG@10" }
                th scope="col" class="n" { "RMSE" } th scope="col" class="n" { "Recommended" }
            } }
            tbody { @for night in nights.iter().rev() {
                @let account = &night.account;
                tr {
                    th.nowrap scope="row" { (words::day(&night.generation)) }
                    @match account.gate.verdict {
                        Verdict::Passed => td.good { "passed" },
                        Verdict::Refused => td.bad { "refused" },
                        Verdict::Forced => td.warn { "forced" },
                    }
                    td.n { (words::count(account.counts.ratings)) } td.n { (words::count(account.counts.users)) }
                    td.n { (value(night, "ndcg@10")) } td.n { (value(night, "rmse")) }
                    td.n { (words::count(account.counts.recommended)) }
                }
            } }
        } }
    }
}

fn figure(value: f64) -> String {
    format!("{value:.4}")
}

/// A metric's name as it is usually written.
fn title(name: &str) -> String {
    match name.split_once('@') {
        Some(("ndcg", k)) => format!("NDCG@{k}"),
        Some((figure, k)) => {
            let (first, rest) = figure.split_at(1);
            format!("{}{rest}@{k}", first.to_uppercase())
        }
        None => name.to_uppercase(),
    }
}

/// The class of a change: less than one per cent is noise.
fn judged(value: f64, last: f64, more_is_better: bool) -> &'static str {
    let change = (value / last - 1.0) * if more_is_better { 1.0 } else { -1.0 };
    match change {
        change if change > 0.01 => "good",
        change if change < -0.01 => "bad",
        _ => "soft",
    }
}
