//! The report of a run to its caller.

use std::path::PathBuf;

use serde::Serialize;
use store::Repository;
use store::manifest::Manifest;

use crate::generations::DatedAhead;

/// The report of a run. As JSON, it is the manifest with the outcome beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The outcome.
    pub outcome: Outcome,
    /// The manifest of the generation: the new one, or the one that existed already. The phases of a new one include
    /// those after sealing, [`Phase::Upload`](store::manifest::Phase::Upload) and
    /// [`Phase::Publish`](store::manifest::Phase::Publish), which the stored manifest lacks.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The file of the rejected rows.
    #[serde(skip)]
    pub rejects: PathBuf,
    /// The generation that was dated ahead of the clock when the run began, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dated_ahead: Option<DatedAhead>,
    /// The HTML report, if one was written.
    #[serde(rename = "report", skip_serializing_if = "Option::is_none")]
    pub page: Option<PathBuf>,
}

/// The outcome of a run that did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A generation was written and published.
    Published,
    /// A generation was written, refused by the gate, and kept.
    Refused,
    /// Input, settings and program are those of the published generation: nothing was done.
    Unchanged,
    /// They are those of a withdrawn generation, which must not be published again by itself: nothing was done.
    Withdrawn,
}

impl Report {
    pub(super) fn new(outcome: Outcome, manifest: Manifest, repository: &Repository) -> Self {
        let rejects = repository.path(&manifest.generation, reading::REJECTS);
        Self { outcome, manifest, rejects, dated_ahead: None, page: None }
    }
}
