//! The log on standard error: lines for a person at a terminal, one JSON object an event for everything else.

use std::error::Error;
use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How much is logged where `RUST_LOG` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// Errors.
    Quiet,
    /// Warnings for a person, who has the bars and the summary; events for a file.
    Usual,
    /// Events, for a person too: of what goes on by itself.
    Telling,
    /// Everything of ours that is of use.
    Verbose,
}

impl LogFormat {
    fn is_json(self) -> bool {
        match self {
            Self::Auto => !std::io::stderr().is_terminal(),
            Self::Text => false,
            Self::Json => true,
        }
    }

    /// Starts the log, of what `RUST_LOG` lets through; but, unless it says so, not of every attempt of the object
    /// store's client.
    pub(crate) fn start(self, loudness: Loudness) -> Result<(), Box<dyn Error>> {
        let usual = match (loudness, std::io::stderr().is_terminal()) {
            (Loudness::Quiet, _) => Level::ERROR,
            (Loudness::Usual, true) => Level::WARN,
            (Loudness::Usual, false) | (Loudness::Telling, _) => Level::INFO,
            (Loudness::Verbose, _) => Level::DEBUG,
        };
        let filter = match std::env::var("RUST_LOG").unwrap_or_default().as_str() {
            "" => {
                // Ours may be loud; what is not ours never louder than usual.
                let of_others = usual.min(Level::INFO);
                let ours = ["pipeline", "store", "ranking"].map(|target| (target, usual));
                Targets::new()
                    .with_default(of_others)
                    .with_targets(ours)
                    .with_target("object_store", usual.min(Level::WARN))
            }
            given => given.parse().map_err(|e| format!("RUST_LOG is `{given}`: {e}"))?,
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let layer = if self.is_json() {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        } else {
            lines.with_ansi(std::io::stderr().is_terminal()).boxed()
        };
        tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        Ok(())
    }

    /// Says why the program ends, whatever the filter: the last line of standard error.
    pub(crate) fn say_error(self, error: &dyn Error) {
        let line = if self.is_json() {
            let timestamp = Timestamp::now();
            let message = error.to_string();
            serde_json::json!({"timestamp": timestamp, "level": "ERROR", "message": message, "target": "pipeline"})
                .to_string()
        } else {
            format!("error: {error}")
        };
        // Where even this cannot be written, the exit code has to say it.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
