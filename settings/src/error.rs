//! The faults of settings, each with its place and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::program::sibling;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The place where a setting is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On a line of the file.
    File(PathBuf, usize),
    /// In a variable of the environment.
    Environment(String),
    /// On the command line.
    CommandLine,
    /// The default of the program.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "line {line} of {}", path.display()),
            Self::Environment(variable) => write!(f, "the variable {variable}"),
            Self::CommandLine => write!(f, "the command line"),
            Self::Default => write!(f, "default"),
        }
    }
}

/// A fault of the file or the environment. Faults of the command line are reported by clap.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {source}; name another file with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// The file is not TOML.
    #[error("{origin} is not TOML: {detail}; `{} config --default` prints a valid file", sibling("pipeline"))]
    Syntax {
        /// The line.
        origin: Origin,
        /// The error of the parser.
        detail: String,
    },

    /// There is no such setting.
    #[error("{origin}: there is no setting {key}; {}", instead(nearest.as_deref()))]
    Unknown {
        /// The place where it is made.
        origin: Origin,
        /// Its key.
        key: String,
        /// A similar key.
        nearest: Option<String>,
    },

    /// `RUST_LOG` cannot be parsed.
    #[error(
        "RUST_LOG is `{given}`, which is not a filter ({detail}); give one like `info` or `warn,server=debug`"
    )]
    LogFilter {
        /// The value of `RUST_LOG`.
        given: String,
        /// The error of the parser.
        detail: String,
    },

    /// A setting has a bad value.
    #[error("{origin}: {key} cannot be {value}: {detail}")]
    Unfit {
        /// The place where it is made.
        origin: Origin,
        /// Its key.
        key: String,
        /// The value as it is written.
        value: String,
        /// The fault, or the possible values.
        detail: String,
    },
}

fn instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("is {nearest} meant?"),
        None => format!("`{} config --default` lists all settings", sibling("pipeline")),
    }
}
