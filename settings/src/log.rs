//! The log of both programs on standard error: text on a terminal, one JSON object an event elsewhere. An event is one line,
//! and whatever its fields contain, only characters that print.

use std::fmt::{Debug, Display};
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use tracing::Level;
use tracing::field::Field;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::prelude::*;

use crate::error::{Error, Result};
use crate::variables;

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// The crates of this project, whose events are logged in more detail than those of others.
const OURS: [&str; 7] = ["cluster", "evaluation", "pipeline", "reading", "report", "server", "store"];

impl LogFormat {
    fn is_json(self) -> bool {
        match self {
            Self::Auto => !io::stderr().is_terminal(),
            Self::Text => false,
            Self::Json => true,
        }
    }

    /// Starts the log with the filter in `RUST_LOG`, or without one at the level `usual`. Other crates then log at `INFO` at
    /// most, and the client of object stores at `WARN`, because it logs every attempt. Warns of environment variables
    /// that look like settings and are none.
    ///
    /// # Errors
    /// [`Error::LogFilter`].
    pub fn start(self, usual: Level) -> Result<()> {
        let filter = match std::env::var("RUST_LOG").unwrap_or_default().as_str() {
            "" => Targets::new()
                .with_default(usual.min(Level::INFO))
                .with_targets(OURS.map(|target| (target, usual)))
                .with_target("object_store", usual.min(Level::WARN)),
            given => given
                .parse()
                .map_err(|e| Error::LogFilter { given: given.to_owned(), detail: format!("{e}") })?,
        };
        let lines = tracing_subscriber::fmt::layer();
        let layer = if self.is_json() {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            lines.with_writer(|| PrintableJson(io::stderr())).boxed()
        } else {
            let lines = lines.fmt_fields(debug_fn(write_field));
            lines.with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).boxed()
        };
        tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        for (variable, _) in std::env::vars_os() {
            if let Some(warning) = variable.to_str().and_then(variables::warning) {
                tracing::warn!("{warning}");
            }
        }
        Ok(())
    }

    /// Prints the error that ends a program as the last line of standard error, whatever the filter.
    pub fn say_end(self, program: &str, error: &dyn Display) {
        let line = if self.is_json() {
            let (timestamp, message) = (Timestamp::now(), error.to_string());
            let event = serde_json::json!({
                "timestamp": timestamp, "level": "ERROR", "message": message, "target": program
            });
            printable::json(&event.to_string()).into_owned()
        } else {
            printable::line(&format!("error: {error}")).into_owned()
        };
        // If this cannot be written, the exit code remains.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Writes a field of an event as text: the message, which comes first, alone, others behind it with their names.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let value = format!("{value:?}");
    let value = printable::line(&value);
    match field.name() {
        "message" => write!(writer, "{value}"),
        // The place in the source, for events of crates that log by the crate `log`.
        name if name.starts_with("log.") => Ok(()),
        name => write!(writer, " {name}={value}"),
    }
}

/// A writer of JSON, whole events at a time.
struct PrintableJson<W>(W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(printable::json(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
