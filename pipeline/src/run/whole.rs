//! A generation whose users are records of the one store: what one machine makes.

use models::Model;
use progress::{Progress, Unit};
use reading::Input;
use scoring::Scorer;
use store::Tables;
use store::manifest::Phase;
use store::repository::RunLock;
use store::writer::GenerationWriter;

use super::{Made, Night, warn_of_unnamed, write_movies};
use crate::error::Result;
use crate::evidence;
use crate::gate::Lists;
use crate::meter::Meter;
use crate::publish::Findings;

/// Users whose lists are held at once between scoring and the store.
const USERS_IN_FLIGHT: usize = 8192;

pub(super) fn make(night: &Night<'_>, lock: &RunLock, input: &mut Input, meter: &mut Meter) -> Result<Made> {
    let &Night { settings, repository, progress, .. } = night;
    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let metrics = meter.measure(Phase::Evaluate, || super::evaluate(input, settings, progress))?;
    let model = meter.measure(Phase::Train, || {
        let bar = progress.bar("training", Unit::Count);
        let model = Model::train(&input.interactions, &settings.training, &bar)?;
        bar.finish_and_clear();
        Ok::<_, crate::Error>(model)
    })?;

    repository.sweep(lock, None)?;
    let staging = repository.staging(&settings.place.work)?;
    let mut writer = meter.measure(Phase::Write, || {
        let writer = GenerationWriter::create(staging.dir())?;
        reading::write_rejects(writer.dir(), &input.clean, &input.movies)?;
        Ok::<_, crate::Error>(writer)
    })?;
    let mut metadata = std::mem::take(&mut input.movies.by_id);
    let findings =
        Findings { vocabulary: &input.vocabulary, interactions: &input.interactions, model: &model, scale };
    let unnamed = findings.name_unnamed(&mut metadata);
    warn_of_unnamed(&unnamed, &settings.input.movies);
    meter.measure(Phase::Write, || {
        findings.announce_users(&mut writer)?;
        findings.announce_movies(&mut writer, &metadata)
    })?;
    let n_candidates = score_and_write(&mut writer, findings, settings.depth, meter, progress)?;
    let see_lists = |tables: &Tables| {
        let bar = progress.bar("reading back", Unit::Count);
        let lists = Lists::of(tables, settings.depth, scale, deny, &bar)?;
        bar.finish_and_clear();
        Ok(lists)
    };
    let (finished, lists, evidence) =
        write_movies(night, findings, &metadata, writer, meter, see_lists, evidence::collect)?;
    Ok(Made { staging, finished, lists, evidence, metrics, n_unnamed: unnamed.len(), n_candidates })
}

/// Scores the users a part at a time and writes each part before the next. Returns the candidates scored.
fn score_and_write(
    writer: &mut GenerationWriter,
    findings: Findings<'_>,
    depth: usize,
    meter: &mut Meter,
    progress: Progress,
) -> Result<u64> {
    let seen = &findings.interactions.by_user;
    let n_users = seen.n_rows();
    let bar = progress.bar("scoring", Unit::Count);
    bar.set_length(n_users as u64);
    let scorer = meter.measure(Phase::Score, || Scorer::new(&findings.model.ranking, seen, depth));
    for first in (0..n_users).step_by(USERS_IN_FLIGHT) {
        let users = first..n_users.min(first + USERS_IN_FLIGHT);
        let n_users = users.len() as u64;
        let lists = meter.measure(Phase::Score, || scorer.top_n(users.clone()));
        meter.measure(Phase::Write, || findings.write_users(writer, users, &lists))?;
        bar.inc(n_users);
    }
    bar.finish_and_clear();
    Ok(scorer.n_candidates(0..n_users))
}
