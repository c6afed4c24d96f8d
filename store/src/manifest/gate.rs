//! The result of the gate, the check before publishing.

use serde::{Deserialize, Serialize};

use crate::ids::GenerationId;

/// The result of the gate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason given for publishing in spite of failed checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The generation that was published during the run, with which this one was compared.
    pub baseline: Option<GenerationId>,
    /// The checks.
    pub checks: Vec<Check>,
}

impl Gate {
    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome == Outcome::Failed)
    }
}

/// Whether a generation may be published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No check failed.
    #[default]
    Passed,
    /// A check failed: the generation is kept and not published.
    Refused,
    /// A check failed, and the run was started with a reason to publish all the same.
    Forced,
}

/// One check of the gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The name: `users`, `ndcg@100`.
    pub name: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The figure of this generation, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The figure that it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The outcome as a sentence.
    pub detail: String,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The figure is within its bounds.
    Passed,
    /// The figure is out of its bounds.
    Failed,
    /// There was nothing to compare with.
    Skipped,
}
