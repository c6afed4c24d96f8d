//! The `pipeline` program: commands in, a summary or JSON out.

mod cli;
mod summary;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cli::{
    Cli, Command, ConfigArgs, DiffArgs, EvaluateArgs, GlobalArgs, ListArgs, PinArgs, PruneArgs, RollbackArgs,
    RunArgs, SampleArgs, UnpinArgs, VerifyArgs,
};
use pipeline::evaluation;
use pipeline::generations;
use pipeline::progress::{Progress, Unit};
use pipeline::run::{self, Outcome};
use pipeline::sample;
use pipeline::verify;
use settings::Sources;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// What was asked for cannot be meant: clap's code for that.
const WRONG_USAGE: u8 = 2;
/// A generation was made and the gate refused it.
const REFUSED: u8 = 3;
/// Another run is at work, or has published in the meantime.
const BUSY: u8 = 4;

/// What there is to print at the end of a command, and the exit code that goes with it.
type Done = Result<(String, ExitCode), Box<dyn Error>>;

fn main() -> ExitCode {
    let (cli, sources) = match settings::parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match dispatch(cli, &sources) {
        Ok((text, code)) => print(&text, code),
        Err(error) => {
            // Where even this cannot be written, the exit code has to say it.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            code_of(&*error)
        }
    }
}

/// Does what was asked.
fn dispatch(cli: Cli, sources: &Sources) -> Done {
    let progress = set_up(&cli.global)?;
    let text = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => return run(args, progress),
        Command::Evaluate(args) => evaluate(args, progress),
        Command::Verify(args) => return verify(args),
        Command::Generations(args) => list(args),
        Command::Diff(args) => diff(args),
        Command::Rollback(args) => rollback(args),
        Command::Pin(args) => pin(args),
        Command::Unpin(args) => unpin(args),
        Command::Prune(args) => prune(args),
        Command::Config(args) => Ok(config(&args, sources)),
        Command::Sample(args) => make_sample(&args, progress),
    };
    Ok((text?, ExitCode::SUCCESS))
}

/// The exit code for an error: whoever calls may want to try again later, if only another run was in the way.
fn code_of(error: &(dyn Error + 'static)) -> ExitCode {
    use store::Error::{Claimed, Locked, Overtaken};
    match error.downcast_ref() {
        Some(pipeline::Error::Store(Locked { .. } | Overtaken { .. } | Claimed { .. })) => {
            ExitCode::from(BUSY)
        }
        _ => ExitCode::FAILURE,
    }
}

/// Sets up the log, the threads and the progress bars.
fn set_up(global: &GlobalArgs) -> Result<Progress, Box<dyn Error>> {
    start_log(global.quiet)?;
    if let Some(threads) = global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global()?;
    }
    Ok(if global.quiet { Progress::hidden() } else { Progress::on_terminal() })
}

/// Logs to standard error what `RUST_LOG` lets through. Where it says nothing, a person at a terminal, who has
/// the bars and the summary, gets warnings, and a log file gets events; but not every attempt of the object store's
/// client.
fn start_log(quiet: bool) -> Result<(), Box<dyn Error>> {
    let usual = match (quiet, std::io::stderr().is_terminal()) {
        (true, _) => Level::ERROR,
        (false, true) => Level::WARN,
        (false, false) => Level::INFO,
    };
    let filter = match std::env::var("RUST_LOG").unwrap_or_default().as_str() {
        "" => Targets::new().with_default(usual).with_target("object_store", usual.min(Level::WARN)),
        given => given.parse().map_err(|e| format!("RUST_LOG is `{given}`: {e}"))?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(())
}

fn run(args: RunArgs, progress: Progress) -> Done {
    let json = args.json;
    let settings = args.settings()?;
    let report = run::run(&settings, progress)?;
    let text = if json {
        serde_json::to_string_pretty(&report)?
    } else {
        summary::of_run(&report, &settings.place.location)?
    };
    let code = match report.outcome {
        Outcome::Published | Outcome::Unchanged | Outcome::Withdrawn => ExitCode::SUCCESS,
        Outcome::Refused => ExitCode::from(REFUSED),
    };
    Ok((text, code))
}

fn evaluate(args: EvaluateArgs, progress: Progress) -> Result<String, Box<dyn Error>> {
    let json = args.json;
    let evaluation = evaluation::evaluate(&args.settings()?, progress)?;
    Ok(if json { serde_json::to_string_pretty(&evaluation)? } else { summary::of_evaluation(&evaluation)? })
}

/// What is wrong with a generation is the answer, not an error, and yet no success.
fn verify(args: VerifyArgs) -> Done {
    let json = args.json;
    let found = verify::verify(&args.settings()?)?;
    let text = if json { serde_json::to_string_pretty(&found)? } else { summary::of_verification(&found)? };
    Ok((text, if found.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

fn list(args: ListArgs) -> Result<String, Box<dyn Error>> {
    let place = args.place.place();
    let entries = generations::list(&place.open()?)?;
    Ok(if args.json {
        serde_json::to_string_pretty(&entries)?
    } else {
        summary::of_generations(&entries, &place.location)?
    })
}

fn diff(args: DiffArgs) -> Result<String, Box<dyn Error>> {
    let json = args.json;
    let difference = generations::diff(&args.settings())?;
    Ok(if json { serde_json::to_string_pretty(&difference)? } else { summary::of_difference(&difference)? })
}

fn rollback(args: RollbackArgs) -> Result<String, Box<dyn Error>> {
    let place = args.place.place();
    let repository = place.open()?;
    let rolled_back = repository.roll_back(args.generation.as_ref(), &args.reason);
    let (from, to) = rolled_back.map_err(pipeline::Error::from)?;
    Ok(summary::of_rollback(from.as_ref(), &to, &place.location))
}

fn pin(args: PinArgs) -> Result<String, Box<dyn Error>> {
    let id = args.generation;
    generations::pin(&args.place.place().open()?, &id, &args.reason)?;
    Ok(format!("Pinned {id}: it stays until `pipeline unpin {id}`"))
}

fn unpin(args: UnpinArgs) -> Result<String, Box<dyn Error>> {
    let id = args.generation;
    generations::unpin(&args.place.place().open()?, &id)?;
    Ok(format!("{id} is pinned no more"))
}

fn prune(args: PruneArgs) -> Result<String, Box<dyn Error>> {
    let retention = args.retention();
    let pruned = generations::prune(&args.place.place().open()?, retention, args.dry_run)?;
    Ok(if args.json {
        serde_json::to_string_pretty(&pruned)?
    } else {
        summary::of_pruning(&pruned, args.dry_run)?
    })
}

fn config(args: &ConfigArgs, sources: &Sources) -> String {
    if args.default {
        settings::DEFAULTS.trim_end().to_owned()
    } else {
        settings::show(&settings::effective(sources))
    }
}

fn make_sample(args: &SampleArgs, progress: Progress) -> Result<String, Box<dyn Error>> {
    let made = sample::write(&args.shape(), &args.out, &progress.bar("writing", Unit::Count))?;
    Ok(summary::of_sample(&made, &args.out)?)
}

/// Prints the result. A reader who has seen enough and closed the pipe is no failure.
fn print(text: &str, code: ExitCode) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => code,
    }
}
