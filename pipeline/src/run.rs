//! The whole batch, from files to a published generation. [`run`] reads like the way the data takes.

mod before;
mod whole;
mod sharded;
mod outcome;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use store::manifest::{Account, Counts, Gate, Manifest, Phase, Source, Verdict};
use store::records::Movie;
use store::repository::{Pointer, Staging};
use store::shards::MOST_SHARDS;
use store::writer::{Finished, GenerationWriter};
use store::{DenyList, MovieId, Repository, Tables};

use crate::error::{Error, Result};
use crate::evidence::Sources;
use crate::gate::{self, Baseline, Bounds, Lists};
use crate::generations::Place;
use crate::meter::Meter;
use crate::publish::Findings;
use crate::shards::{EngineChoice, Job};
use crate::similar;
pub(crate) use before::program_digest;
use models::TrainSettings;
pub use outcome::{Outcome, Report};
use progress::{Progress, Unit};
use reading::{Input, InputSettings, RatingsSource};
use report::Evidence;

/// What a run does and where it writes.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Where the data comes from.
    pub input: InputSettings,
    /// What must not be in the generation, if anything.
    pub deny_list: Option<DenyList>,
    /// How the model is trained.
    pub training: TrainSettings,
    /// The share of ratings on which a model of the rest is measured before the real one is trained; 0
    /// measures nothing.
    pub test_fraction: f64,
    /// The length of a list.
    pub depth: usize,
    /// How many similar movies to store for each movie.
    pub similar: usize,
    /// Where generations go.
    pub place: Place,
    /// What the gate lets through.
    pub bounds: Bounds,
    /// Why to publish even what the gate refuses.
    pub force: Option<String>,
    /// Whether to run even if nothing has changed.
    pub always: bool,
    /// Whether to write a page for people about the night.
    pub report: bool,
    /// How the users are cut and by whom they are computed.
    pub shards: ShardSettings,
}

/// How users are cut into shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardSettings {
    /// Into how many; where it is not said, as the ratings are, and where these are not cut either all users are records of
    /// one store.
    pub n_shards: Option<u32>,
    /// Who computes them.
    pub engine: EngineChoice,
    /// How many a cluster is given at once.
    pub in_flight: NonZeroUsize,
}

/// What is known of a night when it begins.
#[derive(Clone, Copy)]
struct Night<'a> {
    settings: &'a RunSettings,
    repository: &'a Repository,
    source: &'a Source,
    program: &'a str,
    baseline: &'a Baseline,
    progress: Progress,
}

/// A generation that lacks nothing but its account.
struct Made {
    staging: Staging,
    finished: Finished,
    lists: Lists,
    evidence: Option<Evidence>,
    metrics: BTreeMap<String, f64>,
    n_unnamed: usize,
    n_candidates: u64,
}

/// Runs the batch and publishes its generation, if the gate lets it.
///
/// Until cleaning and training have succeeded nothing is written, and until the generation is whole, and as good as
/// the gate asks, `CURRENT` does not move. Memory: the ratings twice (by user and by item), the factors, and the lists
/// of some thousand users.
///
/// # Errors
/// What is wrong with the input, the settings or the store, [`store::Error::Locked`] and
/// [`store::Error::Overtaken`] among it; the repository then offers what it did before.
pub fn run(settings: &RunSettings, progress: Progress) -> Result<Report> {
    let input = settings.input.open()?;
    let settings = &settings.cut_as_ratings(input.n_shards())?;
    settings.check()?;
    let mut meter = Meter::default();

    let program = before::program_digest();
    let repository = settings.place.open()?;
    let lock = repository.lock()?;
    let seen = repository.pointer()?;
    let baseline = before::baseline(&repository, &seen)?;
    let unchanged = meter
        .measure(Phase::Ingest, || before::unchanged(&repository, &baseline, &input, &program, settings))?;
    if let Some((outcome, before)) = unchanged {
        tracing::info!(generation = %before.generation, "nothing has changed since; nothing was done");
        return Ok(Report::new(outcome, before, &repository));
    }

    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let mut input =
        meter.measure(Phase::Ingest, || input.read(scale, deny, &settings.place.work, progress))?;
    let source = input.source();
    let (repository, source, program, baseline) = (&repository, &source, &program, &baseline);
    let night = Night { settings, repository, source, program, baseline, progress };
    tracing::info!(
        ratings = input.interactions.by_user.n_cells(),
        users = input.interactions.n_users(),
        movies = input.interactions.n_items(),
        "read and cleaned"
    );
    let made = match settings.shards.n_shards {
        None => whole::make(&night, &lock, &mut input, &mut meter)?,
        Some(n_shards) => sharded::make(&night, n_shards, &lock, &mut input, &mut meter)?,
    };
    let Made { staging, finished, lists, evidence, metrics, n_unnamed, n_candidates } = made;

    let counts = Counts {
        users: lists.statistics().users,
        movies: input.interactions.n_items() as u64,
        ratings: input.interactions.by_user.n_cells() as u64,
        movies_without_metadata: n_unnamed as u64,
        depth: settings.depth as u64,
        recommended: lists.statistics().recommended,
    };
    let mut account = Account {
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        program: program.clone(),
        source: source.clone(),
        parameters: settings.parameters(),
        rows: input.clean.rows,
        movie_rows: input.movies.rows,
        counts,
        candidates_per_second: n_candidates as f64 / meter.usage(Phase::Score).seconds,
        phases: meter.phases().clone(),
        metrics,
        gate: Gate::default(),
    };
    account.gate = gate::judge(&account, &lists, baseline, &settings.bounds, settings.force.as_deref());
    let manifest = finished.seal(account)?;
    meter.measure(Phase::Upload, || upload(repository, &staging, &manifest, progress))?;
    let sharded = manifest.n_shards.is_some().then(|| Job::open(repository, manifest.generation.clone()));
    let outcome = publish(repository, &manifest, &seen, &mut meter)?;
    let mut report = Report::new(outcome, manifest, repository);
    report.manifest.account.phases.clone_from(meter.phases());
    if let Some(job) = sharded
        && let Err(e) = job.and_then(|job| job.end())
    {
        // What its tasks have shared is not needed any more, whatever the gate has said; the next run takes it away.
        tracing::warn!("what the tasks have shared is left in {}: {e}", repository.location());
    }
    if let Some(evidence) = evidence {
        report.page = report::write(repository, &report.manifest, baseline.manifest(), &evidence);
    }
    Ok(report)
}

impl RunSettings {
    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`], with the name of the option.
    pub fn check(&self) -> Result<()> {
        if self.depth == 0 {
            return Err(Error::setting("--depth", self.depth, "a list needs at least one entry"));
        }
        if !(0.0..1.0).contains(&self.test_fraction) {
            let problem = "it must be from 0 (no measurement) to below 1";
            return Err(Error::setting("--test-fraction", self.test_fraction, problem));
        }
        let ShardSettings { n_shards, ref engine, .. } = self.shards;
        if let Some(n) = n_shards.filter(|n| !(1..=MOST_SHARDS).contains(n)) {
            return Err(Error::setting("--shards", n, format!("it must be from 1 to {MOST_SHARDS}")));
        }
        if n_shards.is_none()
            && *engine != EngineChoice::Local
            && matches!(self.input.ratings, RatingsSource::File(_))
        {
            return Err(Error::setting("--engine", engine, "say with --shards how users are cut"));
        }
        if let (Some(n), Some(n_shards)) = (self.input.ratings.n_trained(), n_shards)
            && n > n_shards
        {
            return Err(Error::setting("--train-shards", n, format!("there are {n_shards} shards")));
        }
        self.bounds.check()?;
        Ok(self.training.check()?)
    }

    /// The same, the users being cut as the ratings are, where these are.
    fn cut_as_ratings(&self, n_cut: Option<u32>) -> Result<Self> {
        let mut settings = self.clone();
        if let Some(n_cut) = n_cut {
            let n_shards = settings.shards.n_shards.get_or_insert(n_cut);
            if *n_shards != n_cut {
                let problem = format!("the ratings are cut into {n_cut}; leave it out");
                return Err(Error::setting("--shards", n_shards, problem));
            }
        }
        Ok(settings)
    }

    /// What decides the result, for the manifest. Of the deny list its digest: who was deleted must not stand there.
    fn parameters(&self) -> serde_json::Map<String, Value> {
        #[derive(Serialize)]
        struct Parameters<'a> {
            #[serde(flatten)]
            training: &'a TrainSettings,
            test_fraction: f64,
            depth: usize,
            similar: usize,
            deny_list: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            shards: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            trained_shards: Option<u32>,
        }
        let deny_list = self.deny_list.as_ref().map(DenyList::digest);
        let &Self { ref training, test_fraction, depth, similar, .. } = self;
        let shards = self.shards.n_shards;
        let trained_shards = self.input.ratings.n_trained();
        let parameters =
            Parameters { training, test_fraction, depth, similar, deny_list, shards, trained_shards };
        match serde_json::to_value(parameters) {
            Ok(Value::Object(parameters)) => parameters,
            // Plain numbers and words always make an object.
            _ => serde_json::Map::new(),
        }
    }
}

/// Measures a model of a part of the ratings on the others.
fn evaluate(input: &Input, settings: &RunSettings, progress: Progress) -> Result<BTreeMap<String, f64>> {
    if settings.test_fraction == 0.0 {
        return Ok(BTreeMap::new());
    }
    let RunSettings { training, test_fraction, depth, .. } = settings;
    Ok(evaluation::in_short(&input.interactions, *test_fraction, training, *depth, progress)?)
}

/// Says which rated movies are stored under the name of their id.
fn warn_of_unnamed(unnamed: &[MovieId], movies: &Path) {
    const SHOWN: usize = 10;
    if unnamed.is_empty() {
        return;
    }
    let first: Vec<_> = unnamed.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if unnamed.len() > SHOWN { ", ..." } else { "" };
    tracing::warn!(
        "{} rated movies are not in {} and are named by their id: {}{more}",
        unnamed.len(),
        movies.display(),
        first.join(", ")
    );
}

/// Writes what is no user's, then looks at all that was written: at the lists for the gate, and at what the report shows.
fn write_movies(
    night: &Night<'_>,
    findings: Findings<'_>,
    metadata: &BTreeMap<MovieId, Movie>,
    mut writer: GenerationWriter,
    meter: &mut Meter,
    see_lists: impl FnOnce(&Tables) -> store::Result<Lists>,
    look: impl FnOnce(&Sources<'_>) -> Result<Evidence>,
) -> Result<(Finished, Lists, Option<Evidence>)> {
    let &Night { settings, repository, baseline, progress, .. } = night;
    let Findings { vocabulary, interactions, model, scale } = findings;
    meter.measure(Phase::Compare, || {
        similar::write(&mut writer, &model.ranking, vocabulary, settings.similar, progress)
    })?;
    meter.measure(Phase::Write, || findings.write_movies(&mut writer, metadata, settings.depth))?;
    let tables = writer.tables()?;
    let lists = meter.measure(Phase::Gate, || see_lists(&tables))?;
    let sources = Sources {
        tables: &tables,
        lists: &lists,
        interactions,
        vocabulary,
        course: &model.course,
        scale,
        deny: settings.deny_list.as_ref(),
        repository,
        before: baseline.manifest(),
        work: &settings.place.work,
    };
    let evidence = settings.report.then(|| meter.measure(Phase::Report, || shown(look(&sources))));
    drop(tables);
    let finished = meter.measure(Phase::Write, || writer.finish())?;
    Ok((finished, lists, evidence))
}

/// What the report shows, if it could be had. What could not is left out, with a warning: it is only shown.
fn shown(evidence: Result<Evidence>) -> Evidence {
    evidence.unwrap_or_else(|e| {
        tracing::warn!("the report shows no lists: {e}");
        Evidence::default()
    })
}

/// Adds the sealed generation to the repository.
fn upload(repository: &Repository, staging: &Staging, manifest: &Manifest, progress: Progress) -> Result<()> {
    let bar = progress.bar("uploading", Unit::Bytes);
    bar.set_length(manifest.files.values().map(|file| file.bytes).sum());
    repository.add(staging, manifest, |bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    Ok(())
}

/// Moves `CURRENT` to an uploaded generation, unless the gate refused it.
fn publish(
    repository: &Repository,
    manifest: &Manifest,
    seen: &Pointer,
    meter: &mut Meter,
) -> Result<Outcome> {
    let (id, gate) = (&manifest.generation, &manifest.account.gate);
    match gate.verdict {
        Verdict::Passed | Verdict::Forced => {
            meter.measure(Phase::Publish, || repository.publish(id, seen))?;
            tracing::info!(generation = %id, "published");
            Ok(Outcome::Published)
        }
        Verdict::Refused => {
            let failed: Vec<_> = gate.failed().map(|check| check.detail.as_str()).collect();
            tracing::error!(generation = %id, "refused by the gate, what was published stays: {}", failed.join("; "));
            Ok(Outcome::Refused)
        }
    }
}
