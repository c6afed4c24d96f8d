//! The steps that runs with and without shards have in common: the records of items, the evidence of the report, and the
//! end of a draft.

use std::collections::BTreeMap;
use std::path::Path;

use reading::Input;
use report::Evidence;
use store::draft::{DraftGeneration, SealedGeneration};
use store::manifest::Phase;
use store::records::Movie;
use store::{MovieId, Tables};

use super::RunContext;
use crate::error::Result;
use crate::evidence::Sources;
use crate::gate::ListAudit;
use crate::meter::Meter;
use crate::records::{self, RecordBuilder};

/// Adds each rated movie without metadata under the title that the store gives it, with a warning. Returns their number.
pub(super) fn name_unnamed(
    builder: &RecordBuilder<'_>,
    metadata: &mut BTreeMap<MovieId, Movie>,
    movies: &Path,
) -> usize {
    const SHOWN: usize = 10;
    let unnamed = builder.name_unnamed(metadata);
    if !unnamed.is_empty() {
        let first: Vec<_> = unnamed.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if unnamed.len() > SHOWN { ", ..." } else { "" };
        tracing::warn!(
            "{} rated movies are not in {} and are named by their id: {}{more}",
            unnamed.len(),
            movies.display(),
            first.join(", ")
        );
    }
    unnamed.len()
}

/// Writes the files beside the records: the rejected rows, and the sample of the input.
///
/// # Errors
/// [`Error::Reading`](crate::Error::Reading).
pub(super) fn write_beside(writer: &DraftGeneration, input: &Input) -> Result<()> {
    reading::write_rejects(writer.dir(), &input.clean, &input.movies)?;
    Ok(reading::write_sample(writer.dir(), &input.sample)?)
}

/// Writes the records that belong to no user: similar movies, metadata, factors of items and the fallback list.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub(super) fn write_item_records(
    context: &RunContext<'_>,
    builder: &RecordBuilder<'_>,
    metadata: &BTreeMap<MovieId, Movie>,
    writer: &mut DraftGeneration,
    meter: &mut Meter,
) -> Result<()> {
    let &RunContext { settings, progress, .. } = context;
    meter.measure(Phase::Compare, || {
        records::write_similar(writer, builder.model, builder.vocabulary, settings.similar, progress)
    })?;
    meter.measure(Phase::Write, || builder.write_movies(writer, metadata, settings.depth))
}

/// The end of a draft.
pub(super) struct Ended {
    pub(super) finished: SealedGeneration,
    pub(super) lists: ListAudit,
    /// The evidence of the report, if one is wanted.
    pub(super) evidence: Option<Evidence>,
}

/// Ends a draft whose records are complete: `audit` reads its lists back, `collect` the evidence of the report, then its
/// files are finished.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store) and the errors of `audit`. Evidence that cannot be read is left out with a warning,
/// since a report decides nothing.
pub(super) fn end(
    context: &RunContext<'_>,
    builder: &RecordBuilder<'_>,
    writer: DraftGeneration,
    meter: &mut Meter,
    audit: impl FnOnce(&Tables) -> store::Result<ListAudit>,
    collect: fn(&Sources<'_>) -> Result<Evidence>,
) -> Result<Ended> {
    let &RunContext { settings, repository, baseline, .. } = context;
    let &RecordBuilder { vocabulary, interactions, model, scale } = builder;
    let tables = writer.tables()?;
    let lists = meter.measure(Phase::Gate, || audit(&tables))?;
    let sources = Sources {
        tables: &tables,
        lists: &lists,
        interactions,
        vocabulary,
        course: &model.curve,
        scale,
        deny: settings.deny_list.as_ref(),
        repository,
        before: baseline.manifest(),
        work: &settings.place.work,
    };
    let or_empty = |evidence: Result<Evidence>| {
        evidence.unwrap_or_else(|e| {
            tracing::warn!("the report shows no lists: {e}");
            Evidence::default()
        })
    };
    let evidence = settings.report.then(|| meter.measure(Phase::Report, || or_empty(collect(&sources))));
    drop(tables);
    let finished = meter.measure(Phase::Write, || writer.finish())?;
    Ok(Ended { finished, lists, evidence })
}
