//! What a person reads in the morning: one page of HTML a night, that needs nothing but itself.
//!
//! The run keeps all figures in the manifest; what else the page shows (`evidence`) is taken from the records before
//! they are closed, over users drawn by a rule, so that a large night takes no longer than a small one. `page` and
//! `sections` say it in HTML, `plots` in SVG. A report is no part of the generation and decides nothing: a night whose
//! report fails is as good as any.

mod evidence;
mod causes;
mod words;
mod plots;
mod sections;
mod page;

use std::path::PathBuf;

use store::Repository;
use store::manifest::Manifest;

pub use evidence::{Evidence, Exposure, Histogram, ListChange, MovieChange, Sample};

/// Nights that the page looks back on, tonight among them.
const NIGHTS: usize = 20;

/// A night to be reported on.
#[derive(Debug)]
pub struct Night<'a> {
    /// What came of it.
    pub manifest: &'a Manifest,
    /// What was published before it, if anything.
    pub before: Option<&'a Manifest>,
    /// The nights before it, oldest first.
    pub earlier: &'a [Manifest],
    /// What was seen of its lists.
    pub evidence: &'a Evidence,
}

impl Night<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        page::of(self).into_string()
    }
}

/// Writes the report of a night that is over. That it cannot be written is a warning.
pub fn write(
    repository: &Repository,
    manifest: &Manifest,
    before: Option<&Manifest>,
    evidence: &Evidence,
) -> Option<PathBuf> {
    let earlier = earlier(repository, manifest).unwrap_or_else(|e| {
        tracing::warn!("the report shows no earlier nights: {e}");
        Vec::new()
    });
    let page = Night { manifest, before, earlier: &earlier, evidence }.page();
    match repository.put_report(&manifest.generation, page.as_bytes()) {
        Ok(path) => Some(path),
        Err(e) => {
            tracing::warn!("the report could not be written: {e}");
            None
        }
    }
}

/// The nights before this one that can be read, oldest first.
fn earlier(repository: &Repository, tonight: &Manifest) -> store::Result<Vec<Manifest>> {
    let ids = repository.generations()?;
    let before = ids.iter().rev().filter(|id| **id < tonight.generation);
    let mut manifests: Vec<_> =
        before.filter_map(|id| repository.manifest(id).ok()).take(NIGHTS - 1).collect();
    manifests.reverse();
    Ok(manifests)
}

#[cfg(test)]
mod tests;
