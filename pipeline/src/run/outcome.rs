//! What came of a run, for whoever called it.

use std::path::PathBuf;

use serde::Serialize;
use store::Repository;
use store::manifest::Manifest;

/// What came of a run. As JSON, it is the manifest with the outcome beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// The manifest of the generation: the new one, or the one that existed already. The phases of a new one include
    /// those after sealing, [`Phase::Upload`](store::manifest::Phase::Upload) and
    /// [`Phase::Publish`](store::manifest::Phase::Publish), which the stored manifest lacks.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// Where the rows are listed that were not taken.
    #[serde(skip)]
    pub rejects: PathBuf,
    /// Where the page for people is, if one was written.
    #[serde(rename = "report", skip_serializing_if = "Option::is_none")]
    pub page: Option<PathBuf>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A generation was made and published.
    Published,
    /// A generation was made, refused by the gate, and kept.
    Refused,
    /// Input, settings and program are those of the published generation: nothing was done.
    Unchanged,
    /// They are those of a generation that somebody went back from, which must not return by itself: nothing was done.
    Withdrawn,
}

impl Report {
    pub(super) fn new(outcome: Outcome, manifest: Manifest, repository: &Repository) -> Self {
        let rejects = repository.path(&manifest.generation, reading::REJECTS);
        Self { outcome, manifest, rejects, page: None }
    }
}
