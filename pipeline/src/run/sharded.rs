//! A generation whose users are cut into shards, which this process, others or a cluster compute.
//!
//! What takes long and is the same for all shards, the trained items and the ratings cut up, is in the repository before
//! the first is computed; a run that finds it there, of the same inputs, settings and program, goes on from there. What
//! is no user's is written last, apart, and sent beside the shards.

use std::path::Path;

use interactions::Csr;
use models::ItemModel;
use progress::Unit;
use reading::Input;
use serde::Serialize;
use serde_json::{Map, Value};
use store::manifest::{FileDigest, Phase, Rows};
use store::repository::{JobFiles, RunLock};
use store::working_copy::WorkingCopy;
use store::writer::GenerationWriter;
use store::{Location, Repository, Tables};

use super::{Made, Night, RunSettings, warn_of_unnamed, write_movies};
use crate::error::{Error, Result};
use crate::evidence;
use crate::gate::Lists;
use crate::meter::Meter;
use crate::publish::Findings;
use crate::shards::{
    self, DeniedHashes, Elsewhere, Engine, EngineChoice, Here, Job, Plan, RatingsPlan, ShardAccount,
    ShardModel,
};

pub(super) fn make(
    night: &Night<'_>,
    n_shards: u32,
    lock: &RunLock,
    input: &mut Input,
    meter: &mut Meter,
) -> Result<Made> {
    let &Night { settings, repository, .. } = night;
    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let engine = engine(night)?;
    let key = key(night)?;
    let resumed = Job::resume(repository, lock, &key)?;
    repository.sweep(lock, resumed.as_ref().map(Job::id))?;
    let (job, items) = match resumed {
        Some(job) => {
            tracing::info!(generation = %job.id(), "going on with what an earlier run has begun");
            let items = meter.measure(Phase::Train, || job.model(&settings.place.work))?.into_items();
            (job, items)
        }
        None => prepare(night, n_shards, key, input, meter)?,
    };
    compute(&*engine, &job, night, meter)?;
    let accounts = accounts(&job)?;
    see_all(&accounts, input);

    let staging = Repository::staging_apart(&settings.place.work)?;
    let mut writer = GenerationWriter::create_for(job.id(), staging.dir())?;
    reading::write_rejects(writer.dir(), &input.clean, &input.movies)?;
    let mut metadata = std::mem::take(&mut input.movies.by_id);
    let model = items.with_users(&Csr::default(), |_| true, job.plan().course.clone())?;
    let findings =
        Findings { vocabulary: &input.vocabulary, interactions: &input.interactions, model: &model, scale };
    let unnamed = findings.name_unnamed(&mut metadata);
    warn_of_unnamed(&unnamed, &settings.input.movies);
    meter.measure(Phase::Write, || findings.announce_movies(&mut writer, &metadata))?;
    let mut n_candidates = 0;
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for ShardAccount { file, content, n_candidates: n, lists, .. } in accounts {
        n_candidates += n;
        files.push((file, content));
        parts.push(lists);
    }
    let see_lists = |tables: &Tables| Lists::merge(parts, tables, deny);
    let (mut finished, lists, evidence) =
        write_movies(night, findings, &metadata, writer, meter, see_lists, evidence::collect_without_users)?;
    finished.add_shards(files.iter().map(|(file, content)| (file, content.as_str())));
    job.files().tidy_users(job.plan().n_shards)?;
    let metrics = job.plan().metrics.clone();
    Ok(Made { staging, finished, lists, evidence, metrics, n_unnamed: unnamed.len(), n_candidates })
}

/// What the job is of: all that decides the result, wherever it was read.
fn key(night: &Night<'_>) -> Result<String> {
    #[derive(Serialize)]
    struct Of<'a> {
        ratings: &'a FileDigest,
        movies: &'a FileDigest,
        /// Where shards are read that were cut before: tasks are told once.
        location: Option<Location>,
        program: &'a str,
        parameters: Map<String, Value>,
    }
    let &Night { settings, source, program, .. } = night;
    let (ratings, movies) = (&source.ratings.digest, &source.movies.digest);
    let location = settings.input.ratings.shards_at()?;
    let text =
        serde_json::to_vec(&Of { ratings, movies, location, program, parameters: settings.parameters() })
            .map_err(|e| Error::Internal { what: "the key of a job", detail: e.to_string() })?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// Measures and trains, and leaves in the repository what the shards need.
fn prepare<'a>(
    night: &Night<'a>,
    n_shards: u32,
    key: String,
    input: &Input,
    meter: &mut Meter,
) -> Result<(Job<'a>, ItemModel)> {
    let &Night { settings, repository, program, progress, .. } = night;
    let metrics = meter.measure(Phase::Evaluate, || super::evaluate(input, settings, progress))?;
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
            ratings: ratings_of_shards(night, n_shards, input, files, work.dir())?,
            n_trained: settings.input.ratings.n_trained(),
            denied: settings
                .deny_list
                .as_ref()
                .map(|deny| DeniedHashes::new(deny, files.id()))
                .unwrap_or_default(),
            metrics,
            course,
        })
    };
    let job = meter.measure(Phase::Cut, || Job::begin(repository, &path, plan))?;
    Ok((job, items))
}

/// Says where the ratings of shards are; where they were not cut before, cuts them and sends them there, by way of `work`.
fn ratings_of_shards(
    night: &Night<'_>,
    n_shards: u32,
    input: &Input,
    files: &JobFiles<'_>,
    work: &Path,
) -> Result<RatingsPlan> {
    if let Some(location) = night.settings.input.ratings.shards_at()? {
        return Ok(RatingsPlan { location: Some(location), account: night.source.ratings.digest.clone() });
    }
    let bar = night.progress.bar("cutting", Unit::Count);
    let (by_user, to) = (&input.interactions.by_user, files.ratings());
    let digests = shards::cut(by_user, &input.vocabulary, n_shards, &to, work, &bar)?;
    bar.finish_and_clear();
    Ok(RatingsPlan { location: None, account: to.end(digests, Some(input.clean.rows.clone()))? })
}

/// Has the shards computed that nobody has done yet.
fn compute(engine: &dyn Engine, job: &Job<'_>, night: &Night<'_>, meter: &mut Meter) -> Result<()> {
    let n_shards = job.plan().n_shards;
    let missing = job.missing()?;
    tracing::info!(generation = %job.id(), n_shards, n_missing = missing.len(), "computing shards");
    let bar = night.progress.bar("scoring", Unit::Count);
    bar.set_length(u64::from(n_shards));
    bar.set_position(u64::from(n_shards) - missing.len() as u64);
    meter.measure(Phase::Score, || engine.compute(job, &missing, &bar))?;
    bar.finish_and_clear();
    Ok(())
}

fn accounts(job: &Job<'_>) -> Result<Vec<ShardAccount>> {
    let n_shards = job.plan().n_shards;
    let accounts = (0..n_shards).map(|shard| job.account(shard));
    let found: Vec<_> = accounts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    match n_shards as usize - found.len() {
        0 => Ok(found),
        n => Err(Error::Shards { n, n_shards, problem: "their accounts are missing".to_owned() }),
    }
}

/// What all shards together say of the ratings, of which this process may have read a part.
fn see_all(accounts: &[ShardAccount], input: &mut Input) {
    let sum = |of: fn(&ShardAccount) -> u64| accounts.iter().map(of).sum::<u64>();
    if input.clean.rows == Rows::default() {
        let n_ratings = sum(|account| account.n_ratings);
        input.clean.rows = Rows { read: n_ratings, kept: n_ratings, ..Rows::default() };
    }
    let n_strangers = sum(|account| account.n_strangers);
    if n_strangers > 0 {
        tracing::warn!(
            "{n_strangers} users have rated nothing that the model knows and get the list of the mean user: train on more \
             shards"
        );
    }
}

fn engine(night: &Night<'_>) -> Result<Box<dyn Engine>> {
    let RunSettings { place, shards, .. } = night.settings;
    match &shards.engine {
        EngineChoice::Local => {
            Ok(Box::new(Here { location: place.location.clone(), work: place.work.clone() }))
        }
        EngineChoice::Indexed => Ok(Box::new(Elsewhere)),
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
