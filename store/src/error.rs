//! What can go wrong between the batch and a reader, each with the path and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::ids::GenerationId;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a generation could not be written, published or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a path.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// sled could not open, read or write its directory.
    #[error("the record store in {} failed: {source}", path.display())]
    Sled {
        /// The sled directory.
        path: PathBuf,
        /// What sled answered.
        source: sled::Error,
    },

    /// `CURRENT` holds something that cannot be a generation's name.
    #[error("{} names `{found}`, which is no generation; publish one with `pipeline run`", path.display())]
    BadCurrent {
        /// The file `CURRENT`.
        path: PathBuf,
        /// What it holds.
        found: String,
    },

    /// A generation is named but has no manifest: it was deleted, or its run never ended.
    #[error(
        "generation {generation} is not complete in {location}: it has no manifest; publish another with `pipeline run`"
    )]
    Incomplete {
        /// The generation that was asked for.
        generation: GenerationId,
        /// Where it was looked for.
        location: String,
    },

    /// The manifest was written by a release with another format.
    #[error(
        "{} has format {found}, this release reads {supported}; {}", path.display(),
        if found > supported { "upgrade the reader" } else { "publish another with this release's `pipeline run`" }
    )]
    OtherFormat {
        /// The manifest.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The version that this release reads.
        supported: u32,
    },

    /// Bytes are not what the manifest or the format says they are.
    #[error("{} is damaged: {detail}; it will not be served, publish another with `pipeline run`", path.display())]
    Damaged {
        /// The file or the record's tree.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },

    /// An object store refused, or was not there.
    #[error("cannot {action} {url}: {source}{}", advice(source))]
    Remote {
        /// What was being done, as a verb.
        action: &'static str,
        /// To what.
        url: String,
        /// What the store answered.
        source: object_store::Error,
    },

    /// Another process makes a generation, or removes some.
    #[error("another run is at work: {} is locked by {holder}; wait for its end, or look at that process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder says of itself.
        holder: String,
    },

    /// `CURRENT` was moved by somebody else meanwhile.
    #[error(
        "CURRENT was moved by another from {from} to {to} in the meantime, so {generation} was not published; \
         it is kept: `pipeline rollback {generation}` publishes it"
    )]
    Overtaken {
        /// The generation that was to be published.
        generation: GenerationId,
        /// What `CURRENT` held before.
        from: String,
        /// What it holds now.
        to: String,
    },

    /// Two runs on one bucket began in the same millisecond.
    #[error("another run has begun generation {generation} in {location} in the same millisecond; run again")]
    Claimed {
        /// The generation that both would have made.
        generation: GenerationId,
        /// Where.
        location: String,
    },

    /// The published generation was to be removed.
    #[error(
        "generation {generation} is published in {location} and cannot be removed; publish another first"
    )]
    InUse {
        /// The generation.
        generation: GenerationId,
        /// Where.
        location: String,
    },

    /// There is no earlier generation to go back to.
    #[error(
        "there is no earlier generation in {location} that passed its gate; `pipeline generations` lists what there is"
    )]
    NowhereToGo {
        /// Where was looked.
        location: String,
    },

    /// A record was handed to the writer out of order: a fault of the caller, not of the data.
    #[error("record {key} was written to `{tree}` after a greater one; records go in by ascending id")]
    OutOfOrder {
        /// The tree that was written.
        tree: &'static str,
        /// The key that came too late.
        key: u32,
    },

    /// Records were announced and never written: a fault of the caller, not of the data.
    #[error("{n} records were announced for `{tree}` and not written")]
    Unkept {
        /// The tree that lacks them.
        tree: &'static str,
        /// How many.
        n: u64,
    },

    /// A record or manifest could not be encoded: a fault of ours.
    #[error("cannot encode {what}: {detail}")]
    Encode {
        /// The kind of record.
        what: &'static str,
        /// What the encoder said.
        detail: String,
    },
}

/// What may help against what an object store answered.
fn advice(source: &object_store::Error) -> &'static str {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    match source {
        PermissionDenied { .. } | Unauthenticated { .. } => {
            "; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do"
        }
        NotFound { .. } => "; check that the bucket exists, and AWS_REGION",
        _ => "; check AWS_ENDPOINT, AWS_REGION and that the store can be reached",
    }
}

impl Error {
    /// For `map_err`: an I/O error that says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// For `map_err`: an error of an object store that says what was being done to which object.
    pub(crate) fn remote(action: &'static str, url: String) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Remote { action, url, source }
    }

    /// For `map_err`: an error of sled's that says which directory it was about.
    pub(crate) fn sled(path: impl AsRef<Path>) -> impl FnOnce(sled::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Sled { path, source }
    }
}
