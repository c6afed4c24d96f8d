//! A run without shards: all users are records of one store, written by this process.

use models::Model;
use progress::{Progress, Unit};
use reading::Input;
use scoring::Scorer;
use store::Tables;
use store::draft::DraftGeneration;
use store::manifest::Phase;
use store::repository::RunLock;

use super::records::{Ended, end, name_unnamed, write_beside, write_item_records};
use super::{RunContext, WrittenGeneration};
use crate::error::Result;
use crate::evidence;
use crate::gate::ListAudit;
use crate::meter::Meter;
use crate::records::RecordBuilder;

/// Users whose lists are held at once between scoring and the store.
const USERS_IN_FLIGHT: usize = 8192;

/// Trains the model, scores all users and writes all records.
///
/// # Errors
/// [`Error::Evaluation`](crate::Error::Evaluation), [`Error::Training`](crate::Error::Training),
/// [`Error::Reading`](crate::Error::Reading) for the file of rejected rows, and [`Error::Store`](crate::Error::Store).
pub(super) fn write(
    context: &RunContext<'_>,
    lock: &RunLock,
    input: &mut Input,
    meter: &mut Meter,
) -> Result<WrittenGeneration> {
    let &RunContext { settings, repository, progress, .. } = context;
    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let quality = meter.measure(Phase::Evaluate, || super::evaluate(context, input))?;
    let model = meter.measure(Phase::Train, || {
        let bar = progress.bar("training", Unit::Count);
        let model = Model::train(&input.interactions, &settings.training, &bar)?;
        bar.finish_and_clear();
        Ok::<_, crate::Error>(model)
    })?;

    repository.sweep(lock, None)?;
    let staging = repository.staging(&settings.place.work)?;
    let mut writer = meter.measure(Phase::Write, || {
        let writer = DraftGeneration::create(staging.dir())?;
        write_beside(&writer, input)?;
        Ok::<_, crate::Error>(writer)
    })?;
    let mut metadata = std::mem::take(&mut input.movies.by_id);
    let builder = RecordBuilder {
        vocabulary: &input.vocabulary,
        interactions: &input.interactions,
        model: &model,
        scale,
    };
    let n_unnamed = name_unnamed(&builder, &mut metadata, &settings.input.movies);
    meter.measure(Phase::Write, || {
        builder.announce_users(&mut writer)?;
        builder.announce_movies(&mut writer, &metadata)
    })?;
    let n_candidates = score_and_write(&mut writer, &builder, settings.depth, meter, progress)?;
    write_item_records(context, &builder, &metadata, &mut writer, meter)?;

    let audit = |tables: &Tables| {
        let bar = progress.bar("reading back", Unit::Count);
        let lists = ListAudit::of(tables, settings.depth, scale, deny, &bar);
        bar.finish_and_clear();
        lists
    };
    let Ended { finished, lists, evidence } =
        end(context, &builder, writer, meter, audit, evidence::collect)?;
    Ok(WrittenGeneration { staging, finished, lists, evidence, quality, n_unnamed, n_candidates })
}

/// Scores the users in batches and writes each batch before the next. Returns the number of candidates scored.
fn score_and_write(
    writer: &mut DraftGeneration,
    builder: &RecordBuilder<'_>,
    depth: usize,
    meter: &mut Meter,
    progress: Progress,
) -> Result<u64> {
    let seen = &builder.interactions.by_user;
    let n_users = seen.n_rows();
    let bar = progress.bar("scoring", Unit::Count);
    bar.set_length(n_users as u64);
    let scorer = meter.measure(Phase::Score, || Scorer::new(&builder.model.ranking, seen, depth));
    for first in (0..n_users).step_by(USERS_IN_FLIGHT) {
        let users = first..n_users.min(first + USERS_IN_FLIGHT);
        let n_users = users.len() as u64;
        let lists = meter.measure(Phase::Score, || scorer.top_n(users.clone()));
        meter.measure(Phase::Write, || builder.write_users(writer, users, &lists))?;
        bar.inc(n_users);
    }
    bar.finish_and_clear();
    Ok(scorer.n_candidates(0..n_users))
}
