//! The `pipeline` program: commands in, a summary or JSON out.

mod cli;
mod scheduling;
mod summary;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use pipeline::generations;
use pipeline::run::{self, Outcome};
use pipeline::schedule;
use pipeline::shards;
use pipeline::textfile;
use pipeline::verify;
use progress::{Progress, Unit};
use settings::{LogFormat, Sources};

use cli::{
    Cli, Command, ConfigArgs, DiffArgs, EvaluateArgs, GlobalArgs, ListArgs, PartitionArgs, PinArgs,
    PruneArgs, RollbackArgs, RunArgs, SampleArgs, UnpinArgs, VerifyArgs,
};

/// What was asked for cannot be meant: clap's code for that.
const WRONG_USAGE: u8 = 2;
/// A generation was made and the gate refused it.
const REFUSED: u8 = 3;
/// Another run is at work, or has published in the meantime.
const BUSY: u8 = 4;

/// What there is to print at the end of a command, and the exit code that goes with it.
type Done = Result<(String, ExitCode), Box<dyn Error>>;

fn main() -> ExitCode {
    let (cli, sources) = match settings::parse::<Cli>() {
        Ok(parsed) => parsed,
        Err(error) => {
            LogFormat::Auto.say_end("pipeline", &error);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let format = cli.global.log_format;
    match dispatch(cli, &sources) {
        Ok((text, code)) => print(&text, code),
        Err(error) => {
            format.say_end("pipeline", &error);
            code_of(&*error)
        }
    }
}

/// Does what was asked.
fn dispatch(cli: Cli, sources: &Sources) -> Done {
    cli.global.log_format.start(cli.usual_level())?;
    let progress = set_up(&cli.global)?;
    let text = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => return run(args, progress),
        Command::Schedule(args) if args.as_run => {
            schedule::end_with_keeper();
            return run(args.run, progress);
        }
        Command::Schedule(args) => return scheduling::schedule(*args),
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
        Command::Config(args) => Ok(config(&args, sources)),
        Command::Sample(args) => make_sample(&args, progress),
    };
    Ok((text?, ExitCode::SUCCESS))
}

/// The exit code for an error: whoever calls may want to try again later, if only another run was in the way.
fn code_of(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref::<pipeline::Error>() {
        Some(error) if error.is_busy() => ExitCode::from(BUSY),
        _ => ExitCode::FAILURE,
    }
}

/// Sets up the threads and the progress bars.
fn set_up(global: &GlobalArgs) -> Result<Progress, Box<dyn Error>> {
    if let Some(threads) = global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global()?;
    }
    Ok(if global.quiet { Progress::hidden() } else { Progress::on_terminal() })
}

fn run(args: RunArgs, progress: Progress) -> Done {
    let json = args.json;
    let (start, metrics_file) = (Timestamp::now(), args.metrics_file.clone());
    let location = args.location().clone();
    let ended = args.settings().and_then(|settings| run::run(&settings, progress));
    if let Some(path) = metrics_file
        && let Err(error) = textfile::write(&path, start, &ended)
    {
        // What came of the run stays what came of it.
        tracing::error!("the metrics of this run are not written: {error}; see --metrics-file");
    }
    let report = ended?;
    let text =
        if json { serde_json::to_string_pretty(&report)? } else { summary::of_run(&report, &location)? };
    let code = match report.outcome {
        Outcome::Published | Outcome::Unchanged | Outcome::Withdrawn => ExitCode::SUCCESS,
        Outcome::Refused => ExitCode::from(REFUSED),
    };
    Ok((text, code))
}

fn partition(args: PartitionArgs, progress: Progress) -> Result<String, Box<dyn Error>> {
    let settings = args.settings()?;
    Ok(summary::of_partition(&shards::partition(&settings, progress)?, &settings)?)
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
    if text.is_empty() {
        return code;
    }
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => code,
    }
}
