//! The rows read, kept, merged, rejected and denied, with the reasons.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};
use reading::Reason;

use super::{RunReport, bar, section};
use crate::format;

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let account = &report.manifest.account;
    let (rows, movies) = (&account.rows, &account.movie_rows);
    let before = report.before.map(|before| &before.account);
    let no_reasons = BTreeMap::new();
    section(
        "rows",
        "Rows",
        html! {
            p {
                (format::count(rows.kept)) " of " (format::count(rows.read)) " rows of ratings were kept"
                @if rows.read > 0 { " (" (format::percent(rows.kept as f64 / rows.read as f64)) ")" } ". "
                (format::count(account.counts.movies_without_metadata)) " rated movies have no title. "
                @if rows.without_timestamp > 0 {
                    (format::count(rows.without_timestamp)) " ratings have no readable time. They count as the oldest. "
                }
                @if rows.unreadable_timestamps > 0 {
                    "The time of " (format::count(rows.unreadable_timestamps)) " rows cannot be read. "
                }
                @if rows.with_rows_inside > 0 {
                    (rows_inside("ratings", rows.with_rows_inside))
                }
                @if movies.with_rows_inside > 0 { (rows_inside("movies", movies.with_rows_inside)) }
            }
            @for advice in advice(rows.read, &rows.rejected_by_reason) { p { (advice) } }
            @for advice in advice(movies.read, &movies.rejected_by_reason) { p { (advice) } }
            div.side {
                (funnel("Ratings", rows.read, &[
                    ("read", rows.read, before.map(|b| b.rows.read), &no_reasons),
                    ("kept", rows.kept, before.map(|b| b.rows.kept), &no_reasons),
                    ("merged: the user rated the movie again", rows.merged, before.map(|b| b.rows.merged), &no_reasons),
                    ("rejected", rows.rejected, before.map(|b| b.rows.rejected), &rows.rejected_by_reason),
                    ("denied", rows.denied, before.map(|b| b.rows.denied), &no_reasons),
                ]))
                (funnel("Movies", movies.read, &[
                    ("read", movies.read, before.map(|b| b.movie_rows.read), &no_reasons),
                    ("kept", movies.kept, before.map(|b| b.movie_rows.kept), &no_reasons),
                    ("rejected", movies.rejected, before.map(|b| b.movie_rows.rejected), &movies.rejected_by_reason),
                    ("denied", movies.denied, before.map(|b| b.movie_rows.denied), &no_reasons),
                ]))
            }
        },
    )
}

fn rows_inside(table: &str, n: u64) -> String {
    format!(
        "Rows of {table} with quoted lines that look like rows: {}; see that every quote is closed. ",
        format::count(n)
    )
}

/// The remedies for reasons that reject at least one row in 500, which are likely a property of the file.
fn advice(n_read: u64, by_reason: &BTreeMap<String, u64>) -> Vec<String> {
    let remedies = [
        (
            Reason::BadUtf8,
            "a file in Latin-1 must be converted to UTF-8, for example by iconv -f latin1 -t utf-8",
        ),
        (Reason::RatingOutOfRange, "state another scale with --min-rating and --max-rating"),
    ];
    let advice = |(reason, remedy): (Reason, &str)| {
        let count = by_reason.get(reason.name()).copied().unwrap_or(0);
        let name = reason.name().replace('_', " ");
        let text = format!("{} rows were rejected for {name}: {remedy}.", format::count(count));
        (count > 0 && count.saturating_mul(500) >= n_read).then_some(text)
    };
    remedies.into_iter().filter_map(advice).collect()
}

/// A kind of rows: its name, their number in this run and before, and the reasons.
type Step<'a> = (&'static str, u64, Option<u64>, &'a BTreeMap<String, u64>);

fn funnel(caption: &str, read: u64, steps: &[Step<'_>]) -> Markup {
    let share = |count: u64| count as f64 / read.max(1) as f64;
    html! {
        div.scroll { table {
            caption { (caption) }
            thead { tr {
                th scope="col" { "Rows" } th scope="col" class="n" { "This run" } td.bar aria-hidden="true" {}
                th scope="col" class="n" { "Before" }
            } }
            tbody { @for &(name, count, before, reasons) in steps {
                tr {
                    th scope="row" { (name) } td.n { (format::count(count)) }
                    (bar(share(count), name != "read" && name != "kept"))
                    td.n { @match before { Some(before) => (format::count(before)), None => "–" } }
                }
                @for (reason, count) in by_number(reasons) {
                    tr.sub {
                        th scope="row" { (reason.replace('_', " ")) } td.n { (format::count(count)) }
                        (bar(share(count), true)) td {}
                    }
                }
            } }
        } }
    }
}

/// Sorts reasons, the most frequent first.
fn by_number(reasons: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut reasons: Vec<_> = reasons.iter().map(|(reason, &count)| (reason.as_str(), count)).collect();
    reasons.sort_by_key(|&(_, count)| Reverse(count));
    reasons
}
