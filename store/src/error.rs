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

    /// A reader is to own shards that a generation does not have.
    #[error(
        "generation {generation} has {n_shards} shards, and those to be owned are {owned}; give --shards as it is cut, \
         or cut it: `pipeline run --shards S`"
    )]
    NoSuchShards {
        /// The generation.
        generation: GenerationId,
        /// How many it has; 0 where it is not cut.
        n_shards: u32,
        /// What should be owned.
        owned: String,
    },

    /// A deny list says something that it cannot say.
    #[error("line {line} of {} says `{said}`; a line is `movie ID`, `user ID` or a # comment", path.display())]
    DenyList {
        /// The file.
        path: PathBuf,
        /// The line, the first being 1.
        line: u64,
        /// What it says, shortened.
        said: String,
    },

    /// A variable of the environment cannot lead to an object store.
    #[error("cannot connect to {url}: {problem}")]
    Environment {
        /// The bucket.
        url: String,
        /// Which variable, what is wrong with it, and what would be right.
        problem: String,
    },

    /// An object store refused, or was not there.
    #[error("cannot {action} {url}: {}; {}", said(source), advice(source))]
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
         it is kept"
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

/// What an object store or the network said, in a line that is the same whenever the same goes wrong: without the
/// attempts and the time it took, nor the number of the request.
fn said(source: &object_store::Error) -> String {
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

/// What may help against what an object store answered. Its status decides; not all kinds of error keep it apart.
fn advice(source: &object_store::Error) -> &'static str {
    let text = source.to_string();
    // The last two are what the client says where it finds half the credentials, or none: then it asks that address.
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
    /// For `map_err`: an I/O error that says what was being done to which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// An error about a copy of a file, told of the original: the copy is ours and goes away, what an engineer can look at
    /// is the other.
    pub(crate) fn told_of(self, original: PathBuf) -> Self {
        match self {
            Self::Damaged { detail, .. } => Self::Damaged { path: original, detail },
            other => other,
        }
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
