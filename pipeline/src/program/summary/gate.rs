//! The verdict of the gate.

use store::manifest::{Gate, Outcome, Verdict};

use super::lines::Lines;

/// Writes the verdict, and a line for each check that failed or was skipped.
pub(super) fn write(lines: &mut Lines, gate: &Gate) {
    let count = |outcome| gate.checks.iter().filter(|check| check.outcome == outcome).count();
    let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
    let n = passed + failed;
    let against = gate.baseline.as_ref().map(|id| format!(" against {id}")).unwrap_or_default();
    let verdict = match gate.verdict {
        Verdict::Passed => format!("passed: {passed} checks{against}"),
        Verdict::Refused => format!("REFUSED: {failed} of {n} checks{against}"),
        Verdict::Forced => {
            let reason = gate.reason.as_deref().unwrap_or_default();
            format!("forced ({reason}): {failed} of {n} checks failed{against}")
        }
    };
    lines.labeled("Gate", verdict);
    for check in &gate.checks {
        match check.outcome {
            Outcome::Passed => {}
            Outcome::Failed => lines.continued(format!("failed: {}", check.detail)),
            Outcome::Skipped => lines.continued(format!("not looked at: {}: {}", check.name, check.detail)),
        }
    }
}
