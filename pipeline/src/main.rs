//! The `pipeline` program: commands in, a summary or JSON out.

mod cli;
mod summary;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, EvaluateArgs, GlobalArgs, RunArgs, SampleArgs, VerifyArgs};
use pipeline::evaluation;
use pipeline::progress::{Progress, Unit};
use pipeline::run;
use pipeline::sample;
use pipeline::verify;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok((text, code)) => print(&text, code),
        Err(error) => {
            // Where even this cannot be written, the exit code has to say it.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked and returns what there is to print, and the exit code that goes with it.
fn dispatch(cli: Cli) -> Result<(String, ExitCode), Box<dyn Error>> {
    let progress = set_up(&cli.global)?;
    let text = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => run(args, progress),
        Command::Evaluate(args) => evaluate(args, progress),
        Command::Verify(args) => return verify(args),
        Command::Sample(args) => make_sample(&args, progress),
    };
    Ok((text?, ExitCode::SUCCESS))
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
/// the bars and the summary, gets warnings, and a log file gets events.
fn start_log(quiet: bool) -> Result<(), Box<dyn Error>> {
    let usual = match (quiet, std::io::stderr().is_terminal()) {
        (true, _) => Level::ERROR,
        (false, true) => Level::WARN,
        (false, false) => Level::INFO,
    };
    let filter = match std::env::var("RUST_LOG").unwrap_or_default().as_str() {
        "" => Targets::new().with_default(usual),
        given => given.parse().map_err(|e| format!("RUST_LOG is `{given}`: {e}"))?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(())
}

fn run(args: RunArgs, progress: Progress) -> Result<String, Box<dyn Error>> {
    let json = args.json;
    let settings = args.settings();
    let manifest = run::run(&settings, progress)?;
    Ok(if json {
        serde_json::to_string_pretty(&manifest)?
    } else {
        summary::of_run(&manifest, &settings.output)?
    })
}

fn evaluate(args: EvaluateArgs, progress: Progress) -> Result<String, Box<dyn Error>> {
    let json = args.json;
    let evaluation = evaluation::evaluate(&args.settings()?, progress)?;
    Ok(if json { serde_json::to_string_pretty(&evaluation)? } else { summary::of_evaluation(&evaluation)? })
}

/// What is wrong with a generation is the answer, not an error, and yet no success.
fn verify(args: VerifyArgs) -> Result<(String, ExitCode), Box<dyn Error>> {
    let json = args.json;
    let found = verify::verify(&args.settings())?;
    let text = if json { serde_json::to_string_pretty(&found)? } else { summary::of_verification(&found)? };
    Ok((text, if found.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
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
