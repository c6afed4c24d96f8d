//! Formats numbers and times for people.

use indicatif::HumanCount;
use store::GenerationId;

/// Formats a whole number in groups of three digits.
pub(super) fn count(n: u64) -> String {
    HumanCount(n).to_string()
}

/// Formats a share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Formats a number of bytes.
pub(super) fn bytes(n: u64) -> String {
    let mebibytes = n as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// Formats a duration.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.1} s")
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

/// Formats the time of a generation.
pub(super) fn time(id: &GenerationId) -> String {
    id.time().map_or_else(|| id.to_string(), |time| time.strftime("%A, %-d %B %Y, %H:%M UTC").to_string())
}

/// Formats the time of a generation in short.
pub(super) fn day(id: &GenerationId) -> String {
    id.time().map_or_else(|| id.to_string(), |time| time.strftime("%-d %b %H:%M").to_string())
}

/// Formats the time of a generation for an axis: the date, or the time of day if all labels are of one day.
pub(super) fn mark(id: &GenerationId, is_one_day: bool) -> String {
    let format = if is_one_day { "%H:%M" } else { "%-d %b" };
    id.time().map_or_else(String::new, |time| time.strftime(format).to_string())
}

/// Formats a change as a percentage of the value before. A change that rounds to zero has no sign.
pub(super) fn change(before: f64, now: f64) -> String {
    if before == now {
        "as before".to_owned()
    } else if before == 0.0 {
        "0 before".to_owned()
    } else {
        let change = 100.0 * (now / before - 1.0);
        let digits = if change.abs() < 10.0 { 1 } else { 0 };
        let text = format!("{change:+.digits$} %");
        if text == "-0.0 %" || text == "+0.0 %" {
            return "0.0 %".to_owned();
        }
        // The minus sign has the width of a plus sign.
        text.replace('-', "\u{2212}")
    }
}

/// Quotes a word for a shell where that is needed.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Formats a quotient, with a second digit where it is small.
pub(super) fn times(quotient: f64) -> String {
    let digits = if quotient < 1.95 { 2 } else { 1 };
    format!("{quotient:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_formatted_for_people() {
        assert_eq!([count(7), count(100_836), count(25_000_000)], ["7", "100,836", "25,000,000"]);
        assert_eq!([bytes(300 << 20), bytes(1536 << 20)], ["300 MiB", "1.5 GiB"]);
        assert_eq!([duration(6.04), duration(300.0), duration(9000.0)], ["6.0 s", "5 min", "2.5 h"]);
        let id = "20261124T023000.000Z".parse().unwrap();
        assert_eq!(time(&id), "Tuesday, 24 November 2026, 02:30 UTC");
        assert_eq!(day(&id), "24 Nov 02:30");
    }

    #[test]
    fn a_change_is_a_percentage_of_the_value_before() {
        assert_eq!([change(2.0, 2.0), change(0.0, 1.0)], ["as before", "0 before"]);
        assert_eq!([change(2.0, 2.1), change(2.0, 1.0)], ["+5.0 %", "\u{2212}50 %"]);
    }

    #[test]
    fn a_change_that_rounds_to_zero_has_no_sign() {
        assert_eq!([change(1.0, 0.9997), change(1.0, 1.0003)], ["0.0 %", "0.0 %"]);
        assert_eq!([change(1.0, 0.9990), change(1.0, 1.0010)], ["\u{2212}0.1 %", "+0.1 %"]);
    }

    #[test]
    fn a_word_of_a_command_is_quoted_where_needed() {
        assert_eq!([shell_word("s3://b/recs"), shell_word("my out")], ["s3://b/recs", "'my out'"]);
        assert_eq!(shell_word("it's"), "'it'\\''s'");
    }

    #[test]
    fn a_quotient_near_one_has_two_digits() {
        assert_eq!([times(2.345), times(0.744), times(1.04), times(12.3)], ["2.3", "0.74", "1.04", "12.3"]);
    }
}
