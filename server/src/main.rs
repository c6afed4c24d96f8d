//! The `server` program: the command line, the log, the runtime and the exit code.

// Only main prints: the one line that says why it ends.
#![allow(clippy::print_stderr)]

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use server::settings::{Command, CommandLine, LogFormat};
use server::{Error, Result, Settings, healthcheck};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Gives back to the system what a generation leaves when it is closed. glibc keeps it: after a hundred generations, as
/// much again as one takes (docs/benchmarks/switching.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (CommandLine { command, settings, .. }, sources) = match settings::parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("server: {error}");
            // As for a wrong option.
            return ExitCode::from(2);
        }
    };
    let json = command.is_none() && settings.log_format.is_json();
    let outcome = match command {
        Some(Command::Healthcheck { listen }) => healthcheck::check(listen),
        Some(Command::Config { .. }) => print(&settings::show(&settings::effective(&sources))),
        None => start_log(settings.log_format).and_then(|()| serve(settings)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if json => {
            let (timestamp, message) = (jiff::Timestamp::now(), error.to_string());
            let event = serde_json::json!({"timestamp": timestamp, "level": "ERROR", "message": message, "target": "server"});
            eprintln!("{event}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: Settings) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|source| Error::System { action: "start the threads that serve", source })?;
    let outcome = runtime.block_on(async {
        let termination = server::termination()?;
        let listener = server::listen(settings.listen)?;
        server::make_room_for(settings.connections());
        server::run(listener, settings, termination).await
    });
    // A generation that is just being opened ends with its copy removed, if it ends soon enough.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Prints a result. A reader who has seen enough and closed the pipe is no failure.
fn print(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::System { action: "print the settings", source })
        }
        _ => Ok(()),
    }
}

/// Logs to standard error what `RUST_LOG` lets through, as text on a terminal and one JSON object an event elsewhere;
/// `info` where it says nothing, but for the object store's client, which would tell of every attempt.
fn start_log(format: LogFormat) -> Result<()> {
    let given = std::env::var("RUST_LOG").unwrap_or_default();
    let filter: Targets = match given.as_str() {
        "" => Targets::new().with_default(Level::INFO).with_target("object_store", Level::WARN),
        text => {
            text.parse().map_err(|e| Error::LogFilter { given: given.clone(), detail: format!("{e}") })?
        }
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = if format.is_json() {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).boxed()
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(())
}
