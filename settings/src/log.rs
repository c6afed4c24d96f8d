//! The log of both programs on standard error: lines for a person at a terminal, one JSON object an event for all else.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::error::{Error, Result};

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// The crates of this project, in which details are ours to log.
const OURS: [&str; 4] = ["pipeline", "ranking", "server", "store"];

impl LogFormat {
    fn is_json(self) -> bool {
        match self {
            Self::Auto => !io::stderr().is_terminal(),
            Self::Text => false,
            Self::Json => true,
        }
    }

    /// Starts the log, of what `RUST_LOG` lets through; where that says nothing, of what is as grave as `usual`. What is
    /// not ours is never louder than events, and the object store's client, which would tell of every attempt, than
    /// warnings.
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
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let layer = if self.is_json() {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        } else {
            lines.with_ansi(io::stderr().is_terminal()).boxed()
        };
        tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        Ok(())
    }

    /// Says why a program ends, whatever the filter: the last line of standard error.
    pub fn say_end(self, program: &str, error: &dyn Display) {
        let line = if self.is_json() {
            let (timestamp, message) = (Timestamp::now(), error.to_string());
            serde_json::json!({"timestamp": timestamp, "level": "ERROR", "message": message, "target": program})
                .to_string()
        } else {
            format!("error: {error}")
        };
        // Where even this cannot be written, the exit code has to say it.
        let _ = writeln!(io::stderr(), "{line}");
    }
}
