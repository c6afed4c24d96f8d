//! What the gate looked at, the failed first.

use maud::{Markup, html};
use store::manifest::{Check, Outcome};

use super::{Night, section};

pub(super) fn of(night: &Night<'_>) -> Markup {
    let gate = &night.manifest.account.gate;
    let mut checks: Vec<&Check> = gate.checks.iter().collect();
    checks.sort_by_key(|check| rank(check.outcome));
    section(
        "gate",
        "Gate",
        html! {
            @match &gate.baseline {
                Some(baseline) => p.soft { "Held against " code { (baseline) } ", which was published." },
                None => p.soft { "There was nothing to hold it against." },
            }
            div.scroll { table {
                thead { tr { th scope="col" { "Outcome" } th scope="col" { "Check" } th scope="col" { "What was found" } } }
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
        Outcome::Skipped => ("not looked at", "soft"),
    }
}
