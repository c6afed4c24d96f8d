//! The `server` program: the command line, the log, the runtime and the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use server::settings::{Command, CommandLine};
use server::{Error, Result, Settings, healthcheck};
use settings::Failed;
use tracing::Level;

/// Returns the memory of a closed generation to the system. glibc keeps it: after a hundred generations, as much again as
/// one takes (docs/benchmarks/switching.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for a wrong option or setting.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let (CommandLine { command, settings, .. }, sources) = match settings::parse() {
        Ok(parsed) => parsed,
        Err(Failed { error, format }) => {
            format.say_end("server", &error);
            return ExitCode::from(USAGE);
        }
    };
    let format = settings.log_format;
    let outcome = match command {
        Some(Command::Healthcheck { listen }) => healthcheck::check(listen),
        Some(Command::Config { .. }) => print(&settings::show(&settings::effective(&sources))),
        None => {
            if let Err(error) = format.start(Level::INFO) {
                format.say_end("server", &error);
                return ExitCode::from(USAGE);
            }
            serve(settings)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            format.say_end("server", &error);
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: Settings) -> Result<()> {
    // One thread: it accepts connections and starts all other work on threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { action: "start the threads that serve", source })?;
    store::files::report_size_limit()?;
    let outcome = runtime.block_on(async {
        let termination = server::termination()?;
        let listener = server::listen(settings.listen)?;
        server::raise_file_limit(settings.connections());
        server::run(listener, settings, termination).await
    });
    // Nothing is waited for: a reading that hangs must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Prints a result. A reader that has closed the pipe is no failure.
fn print(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{}", printable::lines(text)) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::System { action: "print the settings", source })
        }
        _ => Ok(()),
    }
}
