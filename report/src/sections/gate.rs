//! The checks of the gate, the failed ones first.

use maud::{Markup, html};
use store::manifest::{Check, Outcome};

use super::{RunReport, section};

pub(super) fn of(report: &RunReport<'_>) -> Markup {
    let gate = &report.manifest.account.gate;
    let mut checks: Vec<&Check> = gate.checks.iter().collect();
    checks.sort_by_key(|check| rank(check.outcome));
    section(
        "gate",
        "Gate",
        html! {
            @match &gate.baseline {
                Some(baseline) => p.soft { "Compared with the published generation " code { (baseline) } "." },
                None => p.soft { "Nothing was published before to compare with." },
            }
            div.scroll { table {
                thead { tr { th scope="col" { "Outcome" } th scope="col" { "Check" } th scope="col" { "Finding" } } }
                tbody { @for check in checks {
                    @let (word, class) = outcome(check.outcome);
                    tr { td class=(class) { (word) } th scope="row" { (check.name) } td.says { (check.detail) } }
                } }
            } }
        },
    )
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::Passed => 1,
        Outcome::Skipped => 2,
    }
}

fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Failed => ("failed", "bad"),
        Outcome::Passed => ("passed", "good"),
        Outcome::Skipped => ("skipped", "soft"),
    }
}
