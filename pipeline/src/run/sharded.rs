//! A run with shards: the users are cut into shards, which this process, other processes or a cluster compute.
//!
//! The trained items and the ratings of the shards are in the repository before the first shard is computed. A run with the
//! same input, settings and program that finds them there continues from there. The records that belong to no user are
//! written last, in a directory of their own, and uploaded beside the shards.

use std::path::Path;

use interactions::Csr;
use models::ItemModel;
use progress::Unit;
use reading::Input;
use serde::Serialize;
use serde_json::{Map, Value};
use store::draft::DraftGeneration;
use store::local_copy::WorkingCopy;
use store::manifest::{FileDigest, Phase, Rows};
use store::repository::{JobFiles, RunLock};
use store::{Location, MovieId, Repository};

use super::records::{Ended, end, name_unnamed, write_beside, write_item_records};
use super::{RunContext, RunSettings, WrittenGeneration};
use crate::error::{Error, Result};
use crate::evidence;
use crate::gate::ListAudit;
use crate::meter::Meter;
use crate::records::RecordBuilder;
use crate::shards::{
    self, DeniedHashes, Engine, EngineChoice, ExternalEngine, Job, LocalEngine, Plan, RatingsPlan,
    ShardModel, ShardReceipt,
};

/// Trains the items, has the shards computed and writes the records that belong to no user.
///
/// # Errors
/// [`Error::Evaluation`], [`Error::Training`], [`Error::Setting`] for an engine that this program lacks,
/// [`Error::Shards`] and [`Error::JobGone`] where shards are not computed, [`Error::BadRatings`], [`Error::Reading`] for the
/// file of rejected rows, and [`Error::Store`].
pub(super) fn write(
    context: &RunContext<'_>,
    n_shards: u32,
    lock: &RunLock,
    input: &mut Input,
    meter: &mut Meter,
) -> Result<WrittenGeneration> {
    let &RunContext { settings, repository, .. } = context;
    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let engine = engine(settings)?;
    let key = key(context)?;
    let resumed = Job::resume(repository, lock, &key)?;
    repository.sweep(lock, resumed.as_ref().map(Job::id))?;
    let (job, items) = match resumed {
        Some(job) => {
            tracing::info!(generation = %job.id(), "continuing the job of an earlier run");
            let items = meter.measure(Phase::Train, || job.model(&settings.place.work))?.into_items();
            (job, items)
        }
        None => prepare(context, n_shards, key, input, meter)?,
    };
    compute(&*engine, &job, context, meter)?;
    let receipts = receipts(&job)?;
    merge_receipts(&receipts, input);

    let staging = Repository::staging_apart(&settings.place.work)?;
    let mut writer = DraftGeneration::create_for(job.id(), staging.dir())?;
    write_beside(&writer, input)?;
    let mut metadata = std::mem::take(&mut input.movies.by_id);
    let model = items.with_users(&Csr::default(), |_| true, job.plan().course.clone())?;
    let builder = RecordBuilder {
        vocabulary: &input.vocabulary,
        interactions: &input.interactions,
        model: &model,
        scale,
    };
    let n_unnamed = name_unnamed(&builder, &mut metadata, &settings.input.movies);
    meter.measure(Phase::Write, || builder.announce_movies(&mut writer, &metadata))?;
    write_item_records(context, &builder, &metadata, &mut writer, meter)?;

    let n_candidates = receipts.iter().map(|receipt| receipt.n_candidates).sum();
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for ShardReceipt { file, content, lists, .. } in receipts {
        files.push((file, content));
        parts.push(lists);
    }
    let audit = |tables: &_| ListAudit::merge(parts, tables, deny);
    let Ended { mut finished, lists, evidence } =
        end(context, &builder, writer, meter, audit, evidence::collect_without_users)?;
    finished.add_shards(files.iter().map(|(file, content)| (file, content.as_str())));
    job.files().remove_stray_files(job.plan().n_shards)?;
    let quality = job.plan().quality.clone();
    Ok(WrittenGeneration { staging, finished, lists, evidence, quality, n_unnamed, n_candidates })
}

/// Returns the key of the job: a digest of all that decides the result, wherever it is read from.
fn key(context: &RunContext<'_>) -> Result<String> {
    #[derive(Serialize)]
    struct Of<'a> {
        ratings: &'a FileDigest,
        movies: &'a FileDigest,
        /// The place of ratings that were cut before. The plan holds it for all tasks.
        location: Option<Location>,
        program: &'a str,
        parameters: Map<String, Value>,
        /// They depend on the published generation.
        held_back: Vec<MovieId>,
    }
    let &RunContext { settings, source, program, held_back, .. } = context;
    let (ratings, movies) = (&source.ratings.digest, &source.movies.digest);
    let location = settings.input.ratings.shards_at()?;
    let held_back = held_back.iter().map(|found| found.movie).collect();
    let parameters = settings.parameters();
    let text = serde_json::to_vec(&Of { ratings, movies, location, program, parameters, held_back })
        .map_err(|e| Error::Internal { what: "the key of a job", detail: e.to_string() })?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// Measures and trains, and stores in the repository what the shards need.
fn prepare<'a>(
    context: &RunContext<'a>,
    n_shards: u32,
    key: String,
    input: &Input,
    meter: &mut Meter,
) -> Result<(Job<'a>, ItemModel)> {
    let &RunContext { settings, repository, program, progress, .. } = context;
    let quality = meter.measure(Phase::Evaluate, || super::evaluate(context, input))?;
    let (items, course) = meter.measure(Phase::Train, || {
        let bar = progress.bar("training", Unit::Count);
        let trained = ItemModel::train(&input.interactions, &settings.training, &bar)?;
        bar.finish_and_clear();
        Ok::<_, Error>(trained)
    })?;
    let work = WorkingCopy::create(&settings.place.work)?;
    let path = work.dir().join("items.parquet");
    ShardModel::write(&path, input.vocabulary.items(), &items)?;
    let plan = |files: &JobFiles<'_>| {
        Ok(Plan {
            key,
            program: program.to_owned(),
            n_shards,
            depth: settings.depth,
            scale: settings.training.scale,
            items: FileDigest::of(&path)?,
            ratings: ratings_of_shards(context, n_shards, input, files, work.dir())?,
            n_trained: settings.input.ratings.n_trained(),
            denied: settings
                .deny_list
                .as_ref()
                .map(|deny| DeniedHashes::new(deny, files.id()))
                .unwrap_or_default(),
            quality,
            course,
        })
    };
    let job = meter.measure(Phase::Cut, || Job::begin(repository, &path, plan))?;
    Ok((job, items))
}

/// Returns the place of the shards' ratings. If they were not cut before, cuts them into files in `work` and uploads these.
fn ratings_of_shards(
    context: &RunContext<'_>,
    n_shards: u32,
    input: &Input,
    files: &JobFiles<'_>,
    work: &Path,
) -> Result<RatingsPlan> {
    if let Some(location) = context.settings.input.ratings.shards_at()? {
        return Ok(RatingsPlan { location: Some(location), account: context.source.ratings.digest.clone() });
    }
    let bar = context.progress.bar("cutting", Unit::Count);
    let (by_user, to) = (&input.interactions.by_user, files.ratings());
    let digests = shards::cut(by_user, &input.vocabulary, n_shards, &to, work, &bar)?;
    bar.finish_and_clear();
    Ok(RatingsPlan { location: None, account: to.end(digests, Some(input.clean.rows.clone()))? })
}

/// Has the shards computed that have no receipt yet.
fn compute(engine: &dyn Engine, job: &Job<'_>, context: &RunContext<'_>, meter: &mut Meter) -> Result<()> {
    let n_shards = job.plan().n_shards;
    let missing = job.missing()?;
    tracing::info!(generation = %job.id(), n_shards, n_missing = missing.len(), "computing shards");
    let bar = context.progress.bar("scoring", Unit::Count);
    bar.set_length(u64::from(n_shards));
    bar.set_position(u64::from(n_shards) - missing.len() as u64);
    meter.measure(Phase::Score, || engine.compute(job, &missing, &bar))?;
    bar.finish_and_clear();
    Ok(())
}

/// Reads the receipts of all shards, in order.
fn receipts(job: &Job<'_>) -> Result<Vec<ShardReceipt>> {
    let n_shards = job.plan().n_shards;
    let receipts = (0..n_shards).map(|shard| job.receipt(shard));
    let found: Vec<_> = receipts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    match n_shards as usize - found.len() {
        0 => Ok(found),
        n => Err(Error::Shards { n, n_shards, problem: "their receipts are missing".to_owned() }),
    }
}

/// Completes the account of the rows, of which this process may have read a part, from the receipts of all shards.
fn merge_receipts(receipts: &[ShardReceipt], input: &mut Input) {
    let sum = |of: fn(&ShardReceipt) -> u64| receipts.iter().map(of).sum::<u64>();
    if input.clean.rows == Rows::default() {
        let n_ratings = sum(|receipt| receipt.n_ratings);
        input.clean.rows = Rows { read: n_ratings, kept: n_ratings, ..Rows::default() };
    }
    let n_cold_users = sum(|receipt| receipt.n_cold_users);
    if n_cold_users > 0 {
        tracing::warn!(
            "{n_cold_users} users have rated no movie that the model knows and get the most popular movies; train on more \
             shards"
        );
    }
}

/// Returns the engine that the settings name.
fn engine(settings: &RunSettings) -> Result<Box<dyn Engine>> {
    let RunSettings { place, shards, .. } = settings;
    match &shards.engine {
        EngineChoice::Local => {
            Ok(Box::new(LocalEngine { location: place.location.clone(), work: place.work.clone() }))
        }
        EngineChoice::Indexed => Ok(Box::new(ExternalEngine)),
        #[cfg(feature = "cluster")]
        EngineChoice::Ballista(url) => {
            let (url, in_flight) = (url.clone(), shards.in_flight.get());
            Ok(Box::new(crate::shards::Ballista { url, location: place.location.clone(), in_flight }))
        }
        #[cfg(not(feature = "cluster"))]
        EngineChoice::Ballista(url) => {
            let problem = "this program was built without it; build with `--features cluster`";
            Err(Error::setting("--engine", url, problem))
        }
    }
}
