//! The errors that end the server or its health check, or keep a generation from being served.
//!
//! Each message states what was being done, what was seen and what to do. Faults of requests are answers: see `problem`.

use std::io;
use std::net::SocketAddr;

use store::{GenerationId, Location, MovieId};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why the server cannot start, or cannot serve the generation that `CURRENT` names.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is in use, forbidden or not an address of this machine.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address in the settings.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },

    /// Working copies cannot be made.
    #[error("{source}; choose a writable directory with --work-dir")]
    WorkDir {
        /// The error of the store, which names the path.
        source: store::Error,
    },

    /// The system cannot provide threads, sockets or signals.
    #[error("cannot {action}: {source}")]
    System {
        /// The action, as a verb.
        action: &'static str,
        /// The error of the system.
        source: io::Error,
    },

    /// No generation is published in the repository, or `CURRENT` was removed.
    #[error(
        "no generation is published in {store}; publish one with \
         `{} run --ratings RATINGS.csv --movies MOVIES.csv --output {}`",
        settings::sibling("pipeline"), settings::quoted(&store.to_string())
    )]
    NothingPublished {
        /// The repository.
        store: Location,
    },

    /// The repository cannot be opened: a setting or a credential is missing.
    #[error("{source}; give another location with --store, or set the missing variables")]
    Repository {
        /// The error of the store.
        source: store::Error,
    },

    /// A generation cannot be read, or the deny list cannot.
    #[error("{0}{advice}", advice = advice(.0))]
    Store(#[from] store::Error),

    /// Candidates have different numbers of factors, which no pipeline writes.
    #[error(
        "movie {movie} has {found} factors where others have {expected}; publish another generation with `{} run`",
        settings::sibling("pipeline")
    )]
    UnequalFactors {
        /// The first movie that differs from those before it.
        movie: MovieId,
        /// Its number of factors.
        found: usize,
        /// The number of factors of the others.
        expected: usize,
    },

    /// The name of a generation is not a valid header, a fault of the server: names are made of digits and letters.
    #[error("generation {0} cannot be named in a header")]
    Unnameable(GenerationId),

    /// Reading or opening a generation panicked, a fault of the server or of sled. The panic is in the log.
    #[error("a background thread failed unexpectedly; the log has the cause")]
    Crashed,

    /// The server did not answer the health check with 200.
    #[error("the server on {address} is not healthy: {detail}")]
    Unhealthy {
        /// The address of the server.
        address: SocketAddr,
        /// Its answer, or the error of the connection.
        detail: String,
    },
}

/// The advice on an error of the store.
fn advice(error: &store::Error) -> String {
    use store::Error::{BadCurrent, Damaged, Incomplete, NoSuchGeneration, NoSuchShards, OtherFormat};

    let pipeline = settings::sibling("pipeline");
    match error {
        BadCurrent { .. } | NoSuchGeneration { .. } | Incomplete { .. } => {
            format!("; publish one with `{pipeline} run` or `{pipeline} rollback`")
        }
        OtherFormat { found, supported, .. } if found < supported => {
            format!("; publish another with this release's `{pipeline} run`")
        }
        NoSuchShards { .. } => {
            format!("; give --shards as it is cut, or cut it: `{pipeline} run --shards S`")
        }
        Damaged { .. } => format!(
            "; it is not served, publish another with `{pipeline} run --always` and the options of your runs"
        ),
        _ => String::new(),
    }
}

impl Error {
    /// Why no generation is served, for clients: without paths.
    pub(crate) fn for_clients(&self) -> &'static str {
        use store::Error::{
            BadCurrent, Damaged, Incomplete, Io, NoSuchGeneration, NoSuchShards, OtherFormat, Remote,
        };

        match self {
            Self::NothingPublished { .. } => "no generation is published yet",
            Self::Store(Io { source, .. }) => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "the published generation cannot be copied, because the server has no space left for it"
                }
                io::ErrorKind::PermissionDenied => "the server may not read the published generation",
                _ => "the server cannot read the published generation",
            },
            Self::Store(BadCurrent { .. } | NoSuchGeneration { .. } | Incomplete { .. } | Damaged { .. }) => {
                "the published generation is damaged or incomplete"
            }
            Self::Store(OtherFormat { .. }) => "the published generation has the format of another release",
            Self::Store(NoSuchShards { .. }) => {
                "the published generation is not cut into the shards of this server"
            }
            Self::Store(Remote { .. }) => "the object store cannot be reached, or refuses the server",
            _ => "the published generation cannot be opened",
        }
    }
}
