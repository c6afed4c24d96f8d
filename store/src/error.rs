//! The errors of the store. Each names the file or object concerned.
//!
//! An error gives advice only where it does not depend on the command that fails.

use std::io;
use std::path::{Path, PathBuf};

use crate::ids::GenerationId;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("cannot {action} {}: {source}{}", path.display(), permission_advice(source))]
    Io {
        /// The action that failed, as a verb.
        action: &'static str,
        /// Its object.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// A path of something that has no end, waits for others, or is no file at all.
    #[error("{} is {kind}, not a regular file; put a regular file in its place", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// The kind of file, for people.
        kind: &'static str,
    },

    /// A file that is longer than any valid one of its kind.
    #[error("{} has {found} bytes or more, and at most {max} are read; check what has written it", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The length that was seen.
        found: u64,
        /// The maximum length.
        max: u64,
    },

    /// A work directory that other users could read from or write to.
    #[error("the work directory {} is refused: {problem}; use a directory that this user owns, with mode 0700", path.display())]
    UnsafeWorkDir {
        /// The directory.
        path: PathBuf,
        /// The reason.
        problem: String,
    },

    /// The record engine could not open, read or write its directory.
    #[error("the record store in {} failed: {source}", path.display())]
    Engine {
        /// The directory.
        path: PathBuf,
        /// The error of the engine.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// `CURRENT` does not hold the id of a generation.
    #[error("{} names `{found}`, which is no generation", path.display())]
    BadCurrent {
        /// The file `CURRENT`.
        path: PathBuf,
        /// Its content, shortened.
        found: String,
    },

    /// There is no generation of this id.
    #[error("there is no generation {generation} in {location}")]
    NoSuchGeneration {
        /// The requested generation.
        generation: GenerationId,
        /// The location of the repository.
        location: String,
    },

    /// A generation has no manifest: its run has not ended, or was killed.
    #[error("generation {generation} is not complete in {location}: it has no manifest")]
    Incomplete {
        /// The requested generation.
        generation: GenerationId,
        /// The location of the repository.
        location: String,
    },

    /// A manifest has the format of another release.
    #[error("{} has format {found}, this release reads {supported}{}", path.display(),
        if found > supported { "; upgrade the reader" } else { "" }
    )]
    OtherFormat {
        /// The manifest.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The format version of this release.
        supported: u32,
    },

    /// A file or record differs from its manifest, or is invalid.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file, or the tree of the record.
        path: PathBuf,
        /// The difference.
        detail: String,
    },

    /// There are no rating shards, or they are being written.
    #[error("{} does not exist: the ratings are not partitioned, or not completely", path.display())]
    NotPartitioned {
        /// The account of the shards, which is written last.
        path: PathBuf,
    },

    /// A figure of a manifest is infinite or not a number, which JSON cannot hold.
    #[error("{figure} is {value}; a manifest holds finite numbers only")]
    NotFinite {
        /// The path of the figure in the manifest: `metrics.rmse`.
        figure: String,
        /// Its value.
        value: f64,
    },

    /// A reader should own shards that a generation does not have.
    #[error("generation {generation} has {n_shards} shards, and the shards to own are {owned}")]
    NoSuchShards {
        /// The generation.
        generation: GenerationId,
        /// The number of its shards; 0 where it is not cut into shards.
        n_shards: u32,
        /// The shards to own.
        owned: String,
    },

    /// A deny list has an invalid line.
    #[error("line {line} of {} is `{text}`; a line is `movie ID`, `user ID` or a # comment", path.display())]
    DenyList {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// The line, shortened.
        text: String,
    },

    /// A variable of the environment is invalid for an object store.
    #[error("cannot connect to {url}: {problem}")]
    Environment {
        /// The bucket.
        url: String,
        /// The variable, what is wrong with it, and a valid value.
        problem: String,
    },

    /// A request to an object store failed.
    #[error("cannot {action} {url}: {}; {}", message_of(source), advice(source))]
    Remote {
        /// The action that failed, as a verb.
        action: &'static str,
        /// Its object.
        url: String,
        /// The error of the client.
        source: object_store::Error,
    },

    /// Another process writes or removes generations.
    #[error("another run is at work: {} is locked by {holder}; wait for its end, or look at that process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds the lock.
        holder: String,
    },

    /// Another process has changed `CURRENT` in the meantime.
    #[error(
        "CURRENT was moved by another from {from} to {to} in the meantime, so {generation} was not published; \
         it is kept"
    )]
    Overtaken {
        /// The generation that was not published.
        generation: GenerationId,
        /// The content of `CURRENT` before.
        from: String,
        /// The content now.
        to: String,
    },

    /// Two runs on one bucket began in the same millisecond.
    #[error("another run has begun generation {generation} in {location} in the same millisecond; run again")]
    Claimed {
        /// The generation of both.
        generation: GenerationId,
        /// The location of the repository.
        location: String,
    },

    /// The published generation cannot be removed.
    #[error(
        "generation {generation} is published in {location} and cannot be removed; publish another first"
    )]
    InUse {
        /// The generation.
        generation: GenerationId,
        /// The location of the repository.
        location: String,
    },

    /// There is no earlier generation to roll back to.
    #[error("there is no earlier generation in {location} that passed its gate and was not withdrawn")]
    NoRollbackTarget {
        /// The location of the repository.
        location: String,
    },

    /// A record was written out of order: a fault of the program.
    #[error("record {key} was written to `{tree}` after a greater one; records go in by ascending id")]
    OutOfOrder {
        /// The tree.
        tree: &'static str,
        /// The key of the record.
        key: u32,
    },

    /// Announced records were not written: a fault of the program.
    #[error("{n} records were announced for `{tree}` and not written")]
    MissingRecords {
        /// The tree.
        tree: &'static str,
        /// Their number.
        n: u64,
    },

    /// A record or manifest could not be encoded: a fault of the program.
    #[error("cannot encode {what}: {detail}")]
    Encode {
        /// The kind of value.
        what: &'static str,
        /// The error of the encoder.
        detail: String,
    },
}

/// Advice on a path that this user may not use; empty for other errors.
fn permission_advice(source: &io::Error) -> String {
    if source.kind() != io::ErrorKind::PermissionDenied {
        return String::new();
    }
    format!("; give user {} the permission", rustix::process::geteuid().as_raw())
}

/// The message of an object store or of the network in one line, which is equal for equal failures: without attempts, times
/// and the id of the request.
fn message_of(source: &object_store::Error) -> String {
    const LONGEST: usize = 200;

    let mut innermost: &dyn std::error::Error = source;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    let text = innermost.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value)
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {}", message.trim_end_matches('.')),
        _ => text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches([':', ' '])
            .chars()
            .take(LONGEST)
            .collect(),
    }
}

/// Advice on an error of an object store, by its HTTP status.
fn advice(source: &object_store::Error) -> &'static str {
    let text = source.to_string();
    // With half the credentials, or none, the client asks for others at that address.
    let of_credentials = ["403 Forbidden", "401 Unauthorized", "AccessKey", "169.254.169.254"];
    if of_credentials.iter().any(|says| text.contains(says)) {
        "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do"
    } else if text.contains("404 Not Found") {
        "check that the bucket exists, and AWS_REGION"
    } else {
        "check AWS_ENDPOINT, AWS_REGION and that the store can be reached"
    }
}

impl Error {
    /// For `map_err`: an I/O error with its action and path.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// The error with the path of the original in place of that of a temporary copy.
    pub(crate) fn with_path(self, original: PathBuf) -> Self {
        match self {
            Self::Damaged { detail, .. } => Self::Damaged { path: original, detail },
            other => other,
        }
    }

    /// The error of an object of a repository: one that is no regular file, or too long, is damaged like one with wrong
    /// content.
    pub(crate) fn of_object(self) -> Self {
        match self {
            Self::NotAFile { path, kind } => {
                Self::Damaged { path, detail: format!("it is {kind}, not a regular file") }
            }
            Self::TooLong { path, found, max } => Self::Damaged { path, detail: too_long(found, max) },
            other => other,
        }
    }

    /// For `map_err`: an error of an object store with its action and object.
    pub(crate) fn remote(action: &'static str, url: String) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Remote { action, url, source }
    }
}

/// The problem of an object that is longer than any valid one.
pub(crate) fn too_long(found: u64, max: u64) -> String {
    format!("it has {found} bytes or more, and at most {max} are read")
}
