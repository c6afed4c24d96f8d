//! What the gate said, for people.

use std::fmt::{self, Write};

use store::manifest::{Gate, Outcome, Verdict};

/// Writes the verdict, and each check that is worth a line: those that failed, and those that could not be made.
pub(super) fn write(text: &mut String, gate: &Gate) -> fmt::Result {
    let count = |outcome| gate.checks.iter().filter(|check| check.outcome == outcome).count();
    let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
    let against = gate.baseline.as_ref().map(|id| format!(" against {id}")).unwrap_or_default();
    match gate.verdict {
        Verdict::Passed => writeln!(text, "Gate      passed: {passed} checks{against}")?,
        Verdict::Refused => {
            writeln!(text, "Gate      REFUSED: {failed} of {} checks{against}", passed + failed)?
        }
        Verdict::Forced => {
            let reason = gate.reason.as_deref().unwrap_or_default();
            writeln!(
                text,
                "Gate      forced ({reason}): {failed} of {} checks failed{against}",
                passed + failed
            )?;
        }
    }
    for check in &gate.checks {
        match check.outcome {
            Outcome::Passed => {}
            Outcome::Failed => writeln!(text, "          failed: {}", check.detail)?,
            Outcome::Skipped => writeln!(text, "          not looked at: {}: {}", check.name, check.detail)?,
        }
    }
    Ok(())
}
