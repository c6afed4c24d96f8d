//! The gate: decides whether a new generation may replace the published one.
//!
//! The gate runs between scoring and sealing. Its verdict is a part of the manifest, and `CURRENT` moves only if all checks
//! pass or the run is forced. It checks amounts and input (`drift`), whether the site is still the same one (`continuity`)
//! and not made by a few (`concentration`), the quality of the model on held-out ratings (`quality`), and every list that
//! was written, which must be correct and without denied entries (`lists`). `site` has what it knows of the input. A check
//! that has nothing to compare with is skipped and states why. The gate never changes a list.

mod bounds;
mod share;
mod site;
mod drift;
mod continuity;
mod concentration;
mod quality;
mod slices;
mod lists;

use store::manifest::{Account, Check, Gate, Manifest, Outcome, Verdict};
use store::sample::Sample;

pub use bounds::Bounds;
pub use lists::{ListAudit, ListRules, ListStatistics, PartialAudit};
pub use site::{NewUserMovie, Site};

/// The parts of an earlier generation that a run is compared with.
#[derive(Debug, Clone)]
pub struct Past {
    /// The manifest.
    pub manifest: Manifest,
    /// The sample of the input; `None` where the release that made the generation wrote none.
    pub sample: Option<Sample>,
}

/// The generation that a new one is compared with.
#[derive(Debug)]
pub enum Baseline {
    /// The published generation.
    Published(Box<Past>),
    /// The newest complete generation that passed, as the published one cannot be read.
    Earlier {
        /// That generation.
        past: Box<Past>,
        /// Why the published one cannot be read.
        problem: String,
    },
    /// No generation, for a reason that does not need a person: the first run, or one after a change of the format.
    None(String),
    /// No generation, as the published one cannot be read and no other one passed.
    Unreadable(String),
}

impl Baseline {
    /// The generation, if there is one.
    #[must_use]
    pub fn past(&self) -> Option<&Past> {
        match self {
            Self::Published(past) | Self::Earlier { past, .. } => Some(past),
            Self::None(_) | Self::Unreadable(_) => None,
        }
    }

    /// The manifest of the generation, if there is one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.past().map(|past| &past.manifest)
    }

    /// The manifest of the published generation, if that can be read.
    #[must_use]
    pub fn published(&self) -> Option<&Manifest> {
        match self {
            Self::Published(past) => Some(&past.manifest),
            Self::Earlier { .. } | Self::None(_) | Self::Unreadable(_) => None,
        }
    }

    /// Says what the comparison was with, where that is not the published generation.
    fn check(&self) -> Option<Check> {
        const NAME: &str = "baseline";
        match self {
            Self::Published(_) => None,
            Self::Earlier { past, problem } => {
                let detail = format!("compared with {} instead: {problem}", past.manifest.generation);
                Some(yes_or_no(NAME, true, detail))
            }
            Self::None(why) => Some(skipped(NAME, why.clone())),
            Self::Unreadable(problem) => {
                let detail =
                    format!("nothing to compare with: {problem}; --force REASON publishes all the same");
                Some(yes_or_no(NAME, false, detail))
            }
        }
    }

    fn account(&self) -> Option<&Account> {
        self.manifest().map(|manifest| &manifest.account)
    }
}

/// Checks a generation against the bounds and the baseline. `site` is what is known of its input. `force` is the reason for publishing it even if a check
/// fails.
#[must_use]
pub fn judge(
    account: &Account,
    site: &Site,
    lists: &ListAudit,
    baseline: &Baseline,
    bounds: &Bounds,
    force: Option<&str>,
) -> Gate {
    let mut checks = vec![lists.check(), lists.denied()];
    checks.extend(drift::checks(account, baseline.account(), site, bounds));
    checks.extend(continuity::checks(site, account, bounds));
    checks.extend(concentration::checks(site, account, lists, baseline.account(), bounds));
    checks.extend(quality::checks(account, baseline.account(), bounds));
    checks.extend(slices::checks(account, bounds));
    checks.extend(baseline.check());
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

/// Makes a check of a figure.
fn check(name: &str, good: bool, value: f64, baseline: Option<f64>, detail: String) -> Check {
    Check { value: Some(value), baseline, ..yes_or_no(name, good, detail) }
}

/// Makes a check without a figure.
fn yes_or_no(name: &str, good: bool, detail: String) -> Check {
    let outcome = if good { Outcome::Passed } else { Outcome::Failed };
    Check { name: name.to_owned(), outcome, value: None, baseline: None, detail }
}

/// Makes a check that has nothing to compare with.
fn skipped(name: &str, detail: String) -> Check {
    Check { outcome: Outcome::Skipped, ..yes_or_no(name, false, detail) }
}

/// Formats a share as a percentage.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
