//! The report of a run: one page of HTML for people, without links or scripts.
//!
//! The input is the manifest of the run, those of earlier runs, and figures that the caller collects from the records
//! (`evidence`). `page` and `sections` write HTML, `plots` draws SVG, `format` writes numbers. A report is not part of
//! the generation and has no influence on the gate: a run whose report fails succeeds.

mod evidence;
mod causes;
mod format;
mod plots;
mod sections;
mod page;

use std::path::PathBuf;

use store::Repository;
use store::manifest::Manifest;

pub use evidence::{Evidence, Exposure, Histogram, ListChange, MovieChange, Sample};

/// The runs in the plots over time, with the reported one.
const MAX_RUNS: usize = 20;

/// The input of a page.
#[derive(Debug)]
pub struct RunReport<'a> {
    /// The manifest of the run.
    pub manifest: &'a Manifest,
    /// The manifest of the generation that was published before the run, if there is one.
    pub before: Option<&'a Manifest>,
    /// The manifests of the runs before, oldest first.
    pub earlier: &'a [Manifest],
    /// The figures collected from the records.
    pub evidence: &'a Evidence,
    /// The location of the store, for commands.
    pub store: String,
}

impl RunReport<'_> {
    /// Writes the page. Titles and other text from outside are shown without characters that do not print.
    #[must_use]
    pub fn page(&self) -> String {
        printable::lines(&page::of(self).into_string()).into_owned()
    }
}

/// Writes the report of a run into the repository and returns its path. A failure is logged as a warning.
pub fn write(
    repository: &Repository,
    manifest: &Manifest,
    before: Option<&Manifest>,
    evidence: &Evidence,
) -> Option<PathBuf> {
    let earlier = earlier(repository, manifest).unwrap_or_else(|e| {
        tracing::warn!("the report shows no earlier runs: {e}");
        Vec::new()
    });
    let page =
        RunReport { manifest, before, earlier: &earlier, evidence, store: repository.location().to_string() }
            .page();
    match repository.put_report(&manifest.generation, page.as_bytes()) {
        Ok(path) => Some(path),
        Err(e) => {
            tracing::warn!("the report could not be written: {e}");
            None
        }
    }
}

/// The manifests of the runs before this one, oldest first. Manifests that cannot be read are skipped.
fn earlier(repository: &Repository, manifest: &Manifest) -> store::Result<Vec<Manifest>> {
    let ids = repository.generations()?;
    let before = ids.iter().rev().filter(|id| **id < manifest.generation);
    let mut manifests: Vec<_> =
        before.filter_map(|id| repository.manifest(id).ok()).take(MAX_RUNS - 1).collect();
    manifests.reverse();
    Ok(manifests)
}

#[cfg(test)]
mod tests;
