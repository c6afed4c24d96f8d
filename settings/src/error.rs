//! What is wrong with settings, where, and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On a line of the file.
    File(PathBuf, usize),
    /// In a variable of the environment.
    Environment(String),
    /// On the command line.
    CommandLine,
    /// Nowhere: it is the default.
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

/// What is wrong with the file or the environment. Mistakes on the command line are clap's to tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {source}; name another file with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// The file is no TOML.
    #[error("{origin} is no TOML: {detail}; `pipeline config --default` shows a whole file")]
    Syntax {
        /// The line.
        origin: Origin,
        /// What is wrong with it.
        detail: String,
    },

    /// There is no such setting.
    #[error("{origin}: there is no setting {key}; {}", instead(nearest.as_deref()))]
    Unknown {
        /// Where it was made.
        origin: Origin,
        /// Its key.
        key: String,
        /// The key that may be meant.
        nearest: Option<String>,
    },

    /// `RUST_LOG` cannot be read.
    #[error(
        "RUST_LOG is `{given}`, which is no filter ({detail}); give one like `info` or `warn,server=debug`"
    )]
    LogFilter {
        /// What `RUST_LOG` holds.
        given: String,
        /// What is wrong with it.
        detail: String,
    },

    /// A setting has a value that it cannot have.
    #[error("{origin}: {key} cannot be {value}: {detail}")]
    Unfit {
        /// Where it was made.
        origin: Origin,
        /// Its key.
        key: String,
        /// The value, as it was written.
        value: String,
        /// What is wrong with it, or what it may be.
        detail: String,
    },
}

fn instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("is {nearest} meant?"),
        None => "`pipeline config --default` shows all there are".to_owned(),
    }
}
