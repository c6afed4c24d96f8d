//! What a generation was held against before it could be published, as the manifest records it.

use serde::{Deserialize, Serialize};

use crate::ids::GenerationId;

/// What a generation was held against before it could be published, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What came of it.
    pub verdict: Verdict,
    /// Why somebody published it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The generation that was published when this one was made, and that it was compared with.
    pub baseline: Option<GenerationId>,
    /// What was looked at, one by one.
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
    /// A check failed, and somebody said beforehand that it should be published all the same.
    Forced,
}

/// One thing that the gate looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What, as a name: `users`, `ndcg@100`.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The figure of this generation, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What it was held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The outcome as a sentence.
    pub detail: String,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as it should be.
    Passed,
    /// It is out of bounds.
    Failed,
    /// There was nothing to hold it against.
    Skipped,
}
