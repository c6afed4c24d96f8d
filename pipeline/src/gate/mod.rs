//! Whether tonight's generation may replace the published one without anybody looking at it.
//!
//! Stands between scoring and sealing: the verdict becomes a part of the manifest, and `CURRENT` moves only if it is
//! good, or somebody said beforehand that it should move all the same. What is compared: how much there is of what
//! (`drift`), how good the model was on held-out ratings (`quality`), and every list that was written, which must be
//! right and without anything that was denied (`lists`). A check that has nothing to compare with is skipped and says
//! so. Nothing here changes a list.

mod bounds;
mod drift;
mod quality;
mod lists;

use store::manifest::{Account, Check, Gate, Manifest, Outcome, Verdict};

pub use bounds::Bounds;
pub use lists::{Judge, ListStatistics, Lists, Part};

/// What is published now, to compare with.
#[derive(Debug)]
pub enum Baseline {
    /// A generation.
    Generation(Box<Manifest>),
    /// Nothing that could be compared with, and why.
    None(String),
}

impl Baseline {
    /// The generation's manifest, if there is one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Generation(manifest) => Some(manifest),
            Self::None(_) => None,
        }
    }

    fn account(&self) -> Option<&Account> {
        self.manifest().map(|manifest| &manifest.account)
    }
}

/// Holds a night against the bounds and against what is published. `force` is why it should be published even if it
/// fails.
#[must_use]
pub fn judge(
    account: &Account,
    lists: &Lists,
    baseline: &Baseline,
    bounds: &Bounds,
    force: Option<&str>,
) -> Gate {
    let mut checks = vec![lists.check(), lists.denied()];
    checks.extend(drift::checks(account, baseline.account(), bounds));
    checks.extend(quality::checks(account, baseline.account(), bounds));
    if let Baseline::None(why) = baseline {
        checks.push(skipped("baseline", why.clone()));
    }
    let failed = checks.iter().any(|check| check.outcome == Outcome::Failed);
    let reason = force.filter(|_| failed).map(str::to_owned);
    let verdict = match (failed, &reason) {
        (false, _) => Verdict::Passed,
        (true, None) => Verdict::Refused,
        (true, Some(_)) => Verdict::Forced,
    };
    Gate {
        verdict,
        reason,
        baseline: baseline.manifest().map(|manifest| manifest.generation.clone()),
        checks,
    }
}

/// A check of a figure, which is good or not.
fn check(name: &str, good: bool, value: f64, baseline: Option<f64>, detail: String) -> Check {
    Check { value: Some(value), baseline, ..yes_or_no(name, good, detail) }
}

/// A check without a figure.
fn yes_or_no(name: &str, good: bool, detail: String) -> Check {
    let outcome = if good { Outcome::Passed } else { Outcome::Failed };
    Check { name: name.to_owned(), outcome, value: None, baseline: None, detail }
}

/// A check that has nothing to look at.
fn skipped(name: &str, detail: String) -> Check {
    Check { outcome: Outcome::Skipped, ..yes_or_no(name, false, detail) }
}

/// A share as people read it.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
