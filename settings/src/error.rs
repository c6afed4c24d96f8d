//! The faults of settings, each with its place and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

use limits::Refused;

use crate::log::LogFormat;
use crate::program::sibling;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error that ends a program before it starts.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    /// The error.
    pub error: Error,
    /// The format of the log, in which the error is to be printed.
    pub format: LogFormat,
}

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

/// A value with the name under which it was given and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The key for a value of the file or the environment, such as `scoring.n`, and the option for others.
    pub name: String,
    /// The value as it is written.
    pub value: String,
    /// The place where it is set.
    pub origin: Origin,
}

/// A fault of the settings or of the command line.
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

    /// A setting or an option has a value that is not allowed.
    #[error("{}: {detail}", cannot_be(given, against.as_deref()))]
    Unfit {
        /// The value.
        given: Box<Given>,
        /// The value of another option that it contradicts.
        against: Option<Box<Given>>,
        /// The allowed values, or the rule that is broken.
        detail: String,
    },

    /// The command line has another fault.
    #[error("{detail}")]
    Usage {
        /// The fault and what to write instead.
        detail: String,
    },
}

impl Error {
    /// Whether the value is a default.
    #[must_use]
    pub fn is_of_default(&self) -> bool {
        matches!(self, Self::Unfit { given, .. } if given.origin == Origin::Default)
    }
}

fn cannot_be(given: &Given, against: Option<&Given>) -> String {
    let Given { name, value, origin } = given;
    let value = Refused::shown(value);
    let mut text = match origin {
        Origin::File(..) | Origin::Environment(_) => format!("{origin}: {name} cannot be {value}"),
        Origin::CommandLine => format!("{name} cannot be {value}"),
        Origin::Default => format!("{name} cannot be {value}, the default"),
    };
    if let Some(Given { name, value, origin }) = against {
        text.push_str(&format!(" with {name} {} ({origin})", Refused::shown(value)));
    }
    text
}

fn instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("is {nearest} meant?"),
        None => format!("`{} config --default` lists all settings", sibling("pipeline")),
    }
}
