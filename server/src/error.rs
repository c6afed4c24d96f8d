//! What ends the server or its health check, each with what to do about it.
//!
//! A request's mistakes are no errors in this sense: they are answers, see `problem`.

use std::io;
use std::net::SocketAddr;

use store::{GenerationId, Location, MovieId};
use tokio::task::JoinError;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server cannot start, or why it does not serve what `CURRENT` names.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, forbidden or not this machine's.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system answered.
        source: io::Error,
    },

    /// There is no place for working copies.
    #[error("{source}; choose a directory that can be written with --work-dir")]
    WorkDir {
        /// What the store answered; it names the path.
        source: store::Error,
    },

    /// The system gives no threads, timers or signals.
    #[error("cannot {action}: {source}")]
    System {
        /// What was being done, as a verb.
        action: &'static str,
        /// What the system answered.
        source: io::Error,
    },

    /// No generation was ever published in the repository, or `CURRENT` was taken away.
    #[error("no generation is published in {store}; publish one with `pipeline run`")]
    NothingPublished {
        /// The repository.
        store: Location,
    },

    /// The repository cannot be reached for want of a setting.
    #[error("{source}; give another place with --store, or the missing variables")]
    Repository {
        /// What the store answered.
        source: store::Error,
    },

    /// What was published cannot be served.
    #[error("{0}{advice}", advice = advice(.0))]
    Store(#[from] store::Error),

    /// Candidates have unlike numbers of factors: no pipeline writes that.
    #[error(
        "movie {movie} has {found} factors where others have {expected}; publish another with `pipeline run`"
    )]
    UnlikeFactors {
        /// The first that is unlike those before it.
        movie: MovieId,
        /// How many it has.
        found: usize,
        /// How many they have.
        expected: usize,
    },

    /// A generation's name does not fit into a header: a fault of ours, for names are digits and letters.
    #[error("generation {0} cannot be named in a header")]
    Unnameable(GenerationId),

    /// Reading or opening a generation panicked: a fault of ours or of sled's.
    #[error("opening it failed unexpectedly ({0})")]
    Crashed(#[from] JoinError),

    /// A server that was asked for its health did not say that it is alive.
    #[error("the server on {address} is not healthy: {detail}")]
    Unhealthy {
        /// The address asked.
        address: SocketAddr,
        /// What it did instead.
        detail: String,
    },
}

/// Advice on a generation that cannot be served, where the store gives none.
fn advice(error: &store::Error) -> &'static str {
    match error {
        store::Error::Damaged { .. } => "; it is not served, publish another with `pipeline run`",
        _ => "",
    }
}
