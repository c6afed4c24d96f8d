//! Figures as people read them.

use indicatif::HumanCount;
use store::GenerationId;

/// A whole number in groups of three.
pub(super) fn count(n: u64) -> String {
    HumanCount(n).to_string()
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number of bytes.
pub(super) fn bytes(n: u64) -> String {
    let mebibytes = n as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// A time that something took.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.1} s")
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

/// When a generation was begun.
pub(super) fn time(id: &GenerationId) -> String {
    id.time().map_or_else(|| id.to_string(), |time| time.strftime("%A, %-d %B %Y, %H:%M UTC").to_string())
}

/// The same, short.
pub(super) fn day(id: &GenerationId) -> String {
    id.time().map_or_else(|| id.to_string(), |time| time.strftime("%-d %b %H:%M").to_string())
}

/// The same, as short as it may be among others, which may all be of one day.
pub(super) fn mark(id: &GenerationId, is_one_day: bool) -> String {
    let format = if is_one_day { "%H:%M" } else { "%-d %b" };
    id.time().map_or_else(String::new, |time| time.strftime(format).to_string())
}

/// How much a figure has changed, as a share of what it was.
pub(super) fn change(before: f64, now: f64) -> String {
    if before == now {
        "as before".to_owned()
    } else if before == 0.0 {
        "0 before".to_owned()
    } else {
        let change = 100.0 * (now / before - 1.0);
        let digits = if change.abs() < 10.0 { 1 } else { 0 };
        // A minus is as long as a plus.
        format!("{change:+.digits$} %").replace('-', "\u{2212}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_people_read_them() {
        assert_eq!([count(7), count(100_836), count(25_000_000)], ["7", "100,836", "25,000,000"]);
        assert_eq!([bytes(300 << 20), bytes(1536 << 20)], ["300 MiB", "1.5 GiB"]);
        assert_eq!([duration(6.04), duration(300.0), duration(9000.0)], ["6.0 s", "5 min", "2.5 h"]);
        let id = "20261124T023000.000Z".parse().unwrap();
        assert_eq!(time(&id), "Tuesday, 24 November 2026, 02:30 UTC");
        assert_eq!(day(&id), "24 Nov 02:30");
    }

    #[test]
    fn a_change_is_a_share_of_what_was() {
        assert_eq!([change(2.0, 2.0), change(0.0, 1.0)], ["as before", "0 before"]);
        assert_eq!([change(2.0, 2.1), change(2.0, 1.0)], ["+5.0 %", "\u{2212}50 %"]);
    }
}
