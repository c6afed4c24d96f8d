//! The commands of the program: settings in, a summary or JSON out, and the exit code.

mod advice;
mod cli;
mod invocation;
mod schedule;
mod summary;

use std::error::Error;
use std::io::Write;

use jiff::Timestamp;
use limits::Refused;
use pipeline::generations;
use pipeline::run::{self, Outcome};
use pipeline::schedule::stop_with_parent;
use pipeline::shards;
use pipeline::textfile;
use pipeline::verify;
use pipeline::{Error as BatchError, ExitCode};
use progress::{Progress, Unit};
use serde::Serialize;
use settings::{Failed, LogFormat, Sources};
use store::Location;

use cli::{
    Cli, Command, ConfigArgs, DiffArgs, EvaluateArgs, GlobalArgs, ListArgs, PartitionArgs, PinArgs,
    PruneArgs, RollbackArgs, RunArgs, SampleArgs, UnpinArgs, VerifyArgs,
};
use invocation::{Hints, Invocation};

/// A result or the error that the command ended with.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the command line of this process.
pub(crate) fn main() -> std::process::ExitCode {
    let (cli, sources) = match settings::parse::<Cli>() {
        Ok(parsed) => parsed,
        Err(Failed { error, format }) => {
            format.say_end("pipeline", &error);
            return ExitCode::Usage.into();
        }
    };
    let (format, output) = (cli.global.log_format, cli.output().cloned());
    end_at_panic(format);
    let code = match dispatch(cli, &sources) {
        Ok((text, code)) => print(&text, code),
        Err(error) => {
            let (text, code) = ending(&*error, &sources, output.as_ref());
            format.say_end("pipeline", &text);
            code
        }
    };
    code.into()
}

/// Ends the process where any of its threads panics. Without the threads of the record engine, a run would wait for ever,
/// and hold the lock.
fn end_at_panic(format: LogFormat) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let message = "a thread ended unexpectedly, for the reason above; raise the limits of memory and threads if \
                       they are low, else please report it";
        format.say_end("pipeline", &message);
        std::process::exit(i32::from(ExitCode::Failure.number()));
    }));
}

/// Returns the text and the exit code for an error. A refused value is the fault of the usage where somebody gave it; a
/// default that does not fit the data is not.
fn ending(error: &(dyn Error + 'static), sources: &Sources, output: Option<&Location>) -> (String, ExitCode) {
    let of_batch = error.downcast_ref::<BatchError>();
    if let Some(refused) = of_batch.and_then(BatchError::refused) {
        let explained = sources.explain(refused);
        let code = if explained.is_of_default() { ExitCode::Failure } else { ExitCode::Usage };
        return (explained.to_string(), code);
    }
    if error.is::<settings::Error>() {
        return (error.to_string(), ExitCode::Usage);
    }
    let code = of_batch.map_or(ExitCode::Failure, ExitCode::of_error);
    (advice::with_advice(error, output), code)
}

/// Runs a command.
fn dispatch(cli: Cli, sources: &Sources) -> Result<(String, ExitCode)> {
    cli.global.log_format.start(cli.default_level())?;
    store::files::report_size_limit()?;
    let progress = set_up(&cli.global)?;
    let text = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => return run(args, progress),
        Command::Schedule(args) if args.as_run => {
            stop_with_parent();
            return run(args.run, progress);
        }
        Command::Schedule(args) => return schedule::schedule(*args),
        Command::Partition(args) => partition(args, progress),
        Command::Shard(args) => args.run().map_err(Into::into),
        #[cfg(feature = "cluster")]
        Command::Cluster(args) => args.run().map_err(Into::into),
        Command::Evaluate(args) => evaluate(args, progress),
        Command::Verify(args) => return verify(args),
        Command::Generations(args) => list(args),
        Command::Diff(args) => diff(args),
        Command::Rollback(args) => rollback(args),
        Command::Pin(args) => pin(args),
        Command::Unpin(args) => unpin(args),
        Command::Prune(args) => prune(args),
        Command::Config(args) => config(&args, sources),
        Command::Sample(args) => make_sample(&args, progress),
    };
    Ok((text?, ExitCode::Success))
}

/// Sets up the threads and the progress bars.
fn set_up(global: &GlobalArgs) -> Result<Progress> {
    if let Some(threads) = global.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| BatchError::from(Refused::new("--threads", threads, format!("{e}; give fewer"))))?;
    }
    Ok(if global.quiet { Progress::hidden() } else { Progress::on_terminal() })
}

/// Returns a value as JSON, or as the summary for people.
fn json_or<T: Serialize>(json: bool, value: &T, summary: impl FnOnce(&T) -> String) -> Result<String> {
    Ok(if json {
        printable::json(&serde_json::to_string_pretty(value)?).into_owned()
    } else {
        summary(value)
    })
}

fn run(args: RunArgs, progress: Progress) -> Result<(String, ExitCode)> {
    let json = args.json;
    let (start, metrics_file) = (Timestamp::now(), args.metrics_file.clone());
    let hints = Hints::about(args.place.location().clone());
    let result = args.settings().and_then(|settings| run::run(&settings, progress));
    if let Some(path) = metrics_file
        && let Err(error) = textfile::write(&path, start, &result)
    {
        // The outcome of the run stays what it is.
        tracing::error!("the metrics of this run are not written: {error}; see --metrics-file");
    }
    let report = result?;
    let text = json_or(json, &report, |report| summary::of_run(report, &hints))?;
    let code = match report.outcome {
        Outcome::Published | Outcome::Unchanged | Outcome::Withdrawn => ExitCode::Success,
        Outcome::Refused => ExitCode::Refused,
    };
    Ok((text, code))
}

fn partition(args: PartitionArgs, progress: Progress) -> Result<String> {
    let options = args.options_of_runs();
    let settings = args.settings()?;
    let partition = shards::partition(&settings, progress)?;
    Ok(summary::of_partition(&partition, &settings, &options, &Invocation::of_process()))
}

fn evaluate(args: EvaluateArgs, progress: Progress) -> Result<String> {
    let json = args.json;
    let evaluation = evaluation::evaluate(&args.settings()?, progress).map_err(BatchError::from)?;
    json_or(json, &evaluation, summary::of_evaluation)
}

/// A fault of the generation is the result of the command, not an error, but the exit code is that of a failure.
fn verify(args: VerifyArgs) -> Result<(String, ExitCode)> {
    let (json, hints) = (args.json, Hints::about(args.place.location().clone()));
    let verification = verify::verify(&args.settings()?)?;
    let text = json_or(json, &verification, |verification| summary::of_verification(verification, &hints))?;
    Ok((text, if verification.ok { ExitCode::Success } else { ExitCode::Failure }))
}

fn list(args: ListArgs) -> Result<String> {
    let place = args.place.place();
    let entries = generations::list(&place.open()?)?;
    json_or(args.json, &entries, |entries| summary::of_generations(entries, &Hints::about(place.location)))
}

fn diff(args: DiffArgs) -> Result<String> {
    let json = args.json;
    json_or(json, &generations::diff(&args.settings())?, summary::of_difference)
}

fn rollback(args: RollbackArgs) -> Result<String> {
    let place = args.place.place();
    let repository = place.open()?;
    let hints = Hints::about(place.location);
    let done = match repository.roll_back(args.generation.as_ref(), &args.reason) {
        Ok(done) => done,
        Err(store::Error::NoRollbackTarget { .. }) => {
            let entries = generations::list(&repository)?;
            return Err(summary::of_no_rollback(&entries, &hints).into());
        }
        Err(error) => return Err(BatchError::from(error).into()),
    };
    Ok(summary::of_rollback(&done, &hints))
}

fn pin(args: PinArgs) -> Result<String> {
    let place = args.place.place();
    generations::pin(&place.open()?, &args.generation, &args.reason)?;
    Ok(summary::of_pin(&args.generation, &Hints::about(place.location)))
}

fn unpin(args: UnpinArgs) -> Result<String> {
    let id = args.generation;
    generations::unpin(&args.place.place().open()?, &id)?;
    Ok(format!("{id} is no longer pinned"))
}

fn prune(args: PruneArgs) -> Result<String> {
    let retention = args.retention();
    let pruned = generations::prune(&args.place.place().open()?, retention, args.dry_run)?;
    json_or(args.json, &pruned, |pruned| summary::of_pruning(pruned, args.dry_run))
}

fn config(args: &ConfigArgs, sources: &Sources) -> Result<String> {
    if args.default {
        return Ok(settings::DEFAULTS.trim_end().to_owned());
    }
    args.schedule.run.check()?;
    Ok(settings::show(&settings::effective(sources)))
}

fn make_sample(args: &SampleArgs, progress: Progress) -> Result<String> {
    let bar = progress.bar("writing", Unit::Count);
    let made = sample::write(&args.shape(), &args.out, &bar).map_err(BatchError::from)?;
    // A repository of its own: the gate would compare the sample with the lists in another.
    let hints = Hints::about(args.out.join("output").as_path().into());
    Ok(summary::of_sample(&made, &args.out, &hints))
}

/// Prints the result. A reader that has closed the pipe is no failure.
fn print(text: &str, code: ExitCode) -> ExitCode {
    if text.is_empty() {
        return code;
    }
    match writeln!(std::io::stdout(), "{}", printable::lines(text)) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::Failure,
        _ => code,
    }
}
