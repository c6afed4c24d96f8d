//! The phases of a run: their names, their order, and the time and memory of each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A phase of a run. Phases are ordered as they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading and cleaning the input.
    Ingest,
    /// Measuring a model on held-out ratings.
    Evaluate,
    /// Training the model.
    Train,
    /// Cutting the ratings into shards.
    Cut,
    /// Scoring the candidates of every user. With shards, also writing the users' records.
    Score,
    /// Comparing items, for the lists of similar items.
    Compare,
    /// Reading all lists back for the gate.
    Gate,
    /// Collecting the figures of the report.
    Report,
    /// Writing records to the draft of the generation.
    Write,
    /// Adding the sealed generation to the repository. This phase is not in the manifest, which is sealed before.
    Upload,
    /// Moving `CURRENT` to the generation. This phase is not in the manifest either.
    Publish,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 11] = [
        Self::Ingest,
        Self::Evaluate,
        Self::Train,
        Self::Cut,
        Self::Score,
        Self::Compare,
        Self::Gate,
        Self::Report,
        Self::Write,
        Self::Upload,
        Self::Publish,
    ];

    /// The name in manifests, metrics and summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Evaluate => "evaluate",
            Self::Train => "train",
            Self::Cut => "cut",
            Self::Score => "score",
            Self::Compare => "compare",
            Self::Gate => "gate",
            Self::Report => "report",
            Self::Write => "write",
            Self::Upload => "upload",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time and memory of one phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// The peak resident memory of the process during the phase; 0 where it is unknown.
    pub peak_rss_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_stored_under_its_name_and_phases_are_in_order() {
        assert!(Phase::ALL.is_sorted_by(|a, b| a < b));
        for phase in Phase::ALL {
            let text = serde_json::to_string(&phase).unwrap();
            assert_eq!(text, format!("\"{phase}\""));
            assert_eq!(serde_json::from_str::<Phase>(&text).unwrap(), phase);
        }
    }
}
