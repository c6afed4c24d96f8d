//! The whole batch, from files to a published generation. [`run`] reads like the table of its steps.

mod settings;
mod baseline;
mod whole;
mod sharded;
mod records;
mod outcome;

use evaluation::RunQuality;
use progress::{Progress, Unit};
use reading::Input;
use report::Evidence;
use store::Repository;
use store::draft::SealedGeneration;
use store::manifest::{Account, Counts, Gate, Manifest, Phase, Source, Verdict};
use store::repository::{Pointer, Staging};

use crate::error::Result;
use crate::executable::program_digest;
use crate::gate::{self, Baseline, ListAudit, NewUserMovie, Site};
use crate::generations::{self, DatedAhead};
use crate::meter::Meter;
use crate::shards::Job;
pub use outcome::{Outcome, Report};
pub use settings::{RunSettings, ShardSettings};

/// The state that all steps of a run read.
#[derive(Clone, Copy)]
struct RunContext<'a> {
    settings: &'a RunSettings,
    repository: &'a Repository,
    source: &'a Source,
    program: &'a str,
    baseline: &'a Baseline,
    held_back: &'a [NewUserMovie],
    progress: Progress,
}

/// A generation whose records are complete, before the gate has judged it and its manifest is sealed.
struct WrittenGeneration {
    staging: Staging,
    finished: SealedGeneration,
    lists: ListAudit,
    evidence: Option<Evidence>,
    quality: RunQuality,
    n_unnamed: usize,
    n_candidates: u64,
}

/// Runs the batch and publishes its generation if the gate passes it.
///
/// Nothing is written before reading and training have succeeded, and `CURRENT` moves only to a complete generation that
/// the gate passed. Memory: the ratings twice (by user and by item), the factors, and the lists of some thousand users.
///
/// # Errors
/// [`Error::Reading`](crate::Error::Reading), [`Error::Setting`](crate::Error::Setting),
/// [`Error::Training`](crate::Error::Training) and [`Error::Evaluation`](crate::Error::Evaluation) for input and settings;
/// [`Error::Shards`](crate::Error::Shards), [`Error::BadRatings`](crate::Error::BadRatings) and
/// [`Error::JobGone`](crate::Error::JobGone) for shards;
/// [`Error::Store`](crate::Error::Store), with [`store::Error::Locked`] and [`store::Error::Overtaken`] where another run is
/// in the way. The published generation stays as it was.
pub fn run(settings: &RunSettings, progress: Progress) -> Result<Report> {
    settings.check()?;
    let input = settings.input.open()?;
    let settings = &settings.cut_as_ratings(input.n_shards())?;
    settings.check()?;
    let mut meter = Meter::default();

    let program = program_digest();
    let repository = settings.place.open()?;
    let lock = repository.lock()?;
    let dated_ahead = compare_clock(&repository)?;
    let seen = repository.pointer()?;
    let baseline = baseline::read(&repository, &seen)?;
    let unchanged = meter
        .measure(Phase::Ingest, || baseline::unchanged(&repository, &baseline, &input, &program, settings))?;
    if let Some((outcome, manifest)) = unchanged {
        tracing::info!(generation = %manifest.generation, "the input, settings and program are unchanged; nothing is done");
        return Ok(Report { dated_ahead, ..Report::new(outcome, manifest, &repository) });
    }

    let (scale, deny) = (settings.training.scale, settings.deny_list.as_ref());
    let mut input =
        meter.measure(Phase::Ingest, || input.read(scale, deny, &settings.place.work, progress))?;
    let site = meter.measure(Phase::Gate, || observe(&repository, &baseline, &mut input, settings));
    let source = input.source();
    let held_back = if settings.hold_back { site.new_user_movies() } else { &[] };
    let (repository, source, program, baseline) = (&repository, &source, &program, &baseline);
    let context = RunContext { settings, repository, source, program, baseline, held_back, progress };
    tracing::info!(
        ratings = input.interactions.by_user.n_cells(),
        users = input.interactions.n_users(),
        movies = input.interactions.n_items(),
        "read and cleaned"
    );
    let written = match settings.shards.n_shards {
        None => whole::write(&context, &lock, &mut input, &mut meter)?,
        Some(n_shards) => sharded::write(&context, n_shards, &lock, &mut input, &mut meter)?,
    };
    let mut account = account(&context, &input, &written, &meter);
    let WrittenGeneration { staging, finished, lists, evidence, .. } = written;
    account.gate =
        gate::judge(&account, &site, &lists, baseline, &settings.bounds, settings.force.as_deref());
    let manifest = finished.seal(account)?;
    meter.measure(Phase::Upload, || upload(repository, &staging, &manifest, progress))?;
    let job = manifest.n_shards.is_some().then(|| Job::open(repository, manifest.generation.clone()));
    let outcome = publish(repository, &manifest, &seen, &mut meter)?;
    if let Some(job) = job
        && let Err(e) = job.and_then(|job| job.end())
    {
        // The next run removes the files.
        tracing::warn!("the files of the job are left in {}: {e}", repository.location());
    }
    let mut report = Report { dated_ahead, ..Report::new(outcome, manifest, repository) };
    report.manifest.account.phases.clone_from(meter.phases());
    if let Some(evidence) = evidence {
        report.page = report::write(repository, &report.manifest, baseline.manifest(), &evidence);
    }
    Ok(report)
}

/// Warns of a generation that is dated ahead of the clock.
fn compare_clock(repository: &Repository) -> Result<Option<DatedAhead>> {
    let found = generations::dated_ahead(repository, jiff::Timestamp::now())?;
    if let Some(DatedAhead { generation, seconds }) = &found {
        tracing::warn!(
            "generation {generation} is dated {seconds} s ahead of the clock of this machine; check the clocks of the \
             machines that run the batch"
        );
    }
    Ok(found)
}

/// Compares the input with those of earlier runs. If it is configured, removes the movies from it that new users alone have
/// rated.
fn observe(repository: &Repository, baseline: &Baseline, input: &mut Input, settings: &RunSettings) -> Site {
    let (anchor, parameters) = (baseline::anchor(repository, baseline), settings.parameters());
    let look =
        |input: &Input| Site::of(input, baseline, anchor.as_ref(), &parameters, settings.deny_list.as_ref());
    let site = look(input);
    let movies = site.new_user_movies().to_vec();
    if !settings.hold_back || movies.is_empty() {
        return site;
    }
    tracing::warn!("{} movies that new users alone have rated are held back", movies.len());
    input.hold_back(&movies.iter().map(|found| found.movie).collect::<Vec<_>>());
    look(input).holding_back(movies)
}

/// Measures a model of a part of the ratings on the others.
fn evaluate(context: &RunContext<'_>, input: &Input) -> Result<RunQuality> {
    let &RunSettings { ref training, test_fraction, relevance, depth, .. } = context.settings;
    if test_fraction == 0.0 {
        return Ok(RunQuality::default());
    }
    let interactions = &input.interactions;
    Ok(evaluation::measure_run(interactions, test_fraction, relevance, training, depth, context.progress)?)
}

/// Builds the account of a run, without the verdict of the gate.
fn account(context: &RunContext<'_>, input: &Input, written: &WrittenGeneration, meter: &Meter) -> Account {
    let statistics = written.lists.statistics();
    let counts = Counts {
        users: statistics.users,
        movies: input.interactions.n_items() as u64,
        ratings: input.interactions.by_user.n_cells() as u64,
        movies_without_metadata: written.n_unnamed as u64,
        depth: context.settings.depth as u64,
        recommended: statistics.recommended,
    };
    Account {
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        program: context.program.to_owned(),
        source: context.source.clone(),
        parameters: context.settings.parameters(),
        rows: input.clean.rows.clone(),
        movie_rows: input.movies.rows.clone(),
        counts,
        candidates_per_second: written.n_candidates as f64 / meter.usage(Phase::Score).seconds,
        phases: meter.phases().clone(),
        metrics: written.quality.metrics.clone(),
        measurement: written.quality.measurement.clone(),
        gate: Gate::default(),
    }
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
            tracing::error!(generation = %id, "refused by the gate and not published: {}", failed.join("; "));
            Ok(Outcome::Refused)
        }
    }
}
