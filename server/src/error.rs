//! The errors that end the server or its health check, or keep a generation from being served.
//!
//! Each message states what was being done, what was seen and what to do. Faults of requests are answers: see `problem`.

use std::io;
use std::net::SocketAddr;

use store::{GenerationId, Location, MovieId};
use tokio::task::JoinError;

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

    /// Reading or opening a generation panicked, a fault of the server or of sled.
    #[error("the background task failed unexpectedly ({0})")]
    Crashed(#[from] JoinError),

    /// The server did not answer the health check with 200.
    #[error("the server on {address} is not healthy: {detail}")]
    Unhealthy {
        /// The address of the server.
        address: SocketAddr,
        /// Its answer, or the error of the connection.
        detail: String,
    },
}

/// The advice on a generation that cannot be served, where the store gives none.
fn advice(error: &store::Error) -> String {
    match error {
        store::Error::Damaged { .. } => {
            let pipeline = settings::sibling("pipeline");
            format!(
                "; it is not served, publish another with `{pipeline} run --always` and the options of your runs"
            )
        }
        _ => String::new(),
    }
}
