//! A generation's account of itself: how it came to be and what every file of it must hold.
//!
//! It is written last, so a generation that has one is whole. Its own last member is the digest of all that stands
//! before it, so that not a bit of a generation can change unnoticed. It is also what `pipeline run --json` prints.

mod gate;
mod phase;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout;
use crate::shards::Owned;
pub use gate::{Check, Gate, Outcome, Verdict};
pub use phase::{Phase, Usage};

/// The version that this release writes, and the only one that it reads: a night later there is no other.
pub const FORMAT_VERSION: u32 = 5;

/// The manifest of one generation, as `manifest.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the records and of this file.
    pub format_version: u32,
    /// The generation's own name.
    pub generation: GenerationId,
    /// When it was sealed.
    pub created_at: jiff::Timestamp,
    /// What the run says of itself.
    #[serde(flatten)]
    pub account: Account,
    /// A digest of all records in key order: equal for equal content, whatever sled made of its files.
    pub content_digest: String,
    /// How many shards its users are cut into, each a file below `users/`; `None` where they are records like all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_shards: Option<u32>,
    /// Every file of the generation but this one, by its path below the generation's directory.
    pub files: BTreeMap<String, FileDigest>,
}

/// What a run says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The release that wrote it.
    pub code_version: String,
    /// The digest of the program that wrote it.
    pub program: String,
    /// The input files.
    pub source: Source,
    /// The settings of the run, the seed among them.
    pub parameters: Map<String, Value>,
    /// What became of the rows of the ratings.
    pub rows: Rows,
    /// What became of the rows of the movies.
    pub movie_rows: MovieRows,
    /// How much there is of what.
    pub counts: Counts,
    /// Time and memory of each phase that ended before the manifest was sealed.
    pub phases: BTreeMap<Phase, Usage>,
    /// Candidates decided on in a second: all pairs of a user and an unseen movie, over the time of the phase `score`.
    pub candidates_per_second: f64,
    /// Quality by name, `rmse` among them; empty where the run was told not to evaluate.
    pub metrics: BTreeMap<String, f64>,
    /// Whether it may be published without anybody looking at it.
    pub gate: Gate,
}

/// The input files of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The ratings.
    pub ratings: SourceFile,
    /// The movies.
    pub movies: SourceFile,
}

/// One input file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it was read.
    pub path: String,
    /// What was in it.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// Whether its last row ends as the others do. One that was cut off does not, mostly.
    pub ends_with_newline: bool,
}

/// What became of the rows of the ratings: `read = kept + merged + rejected + denied`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows after the header; blank lines are none.
    pub read: u64,
    /// Rows that became a rating.
    pub kept: u64,
    /// Rows that gave way to a later rating of the same movie by the same user.
    pub merged: u64,
    /// Rows that became nothing.
    pub rejected: u64,
    /// The rejected by the first thing wrong with each; sums to `rejected`.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// What else was wrong with rejected rows, beyond the first.
    pub also: BTreeMap<String, u64>,
    /// Rows left out because the deny list names their user or movie.
    #[serde(default)]
    pub denied: u64,
    /// Kept rows without a readable time, which count as older than any other.
    pub without_timestamp: u64,
}

/// What became of the rows of the movies: `read = kept + rejected + denied`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovieRows {
    /// Rows after the header.
    pub read: u64,
    /// Rows that became a movie.
    pub kept: u64,
    /// Rows that became nothing.
    pub rejected: u64,
    /// The rejected by reason; sums to `rejected`.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Rows left out because the deny list names their movie.
    #[serde(default)]
    pub denied: u64,
}

/// How much there is of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Users with a list.
    pub users: u64,
    /// Movies with at least one rating: the candidates.
    pub movies: u64,
    /// Ratings that the model was trained on.
    pub ratings: u64,
    /// Rated movies without metadata, which are named by their id.
    pub movies_without_metadata: u64,
    /// The length of a list, where there are that many candidates.
    pub depth: u64,
    /// Movies that stand among the first ten of anybody's list.
    pub recommended: u64,
}

/// What a file must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash in hexadecimal, as `b3sum` prints it.
    pub blake3: String,
}

impl FileDigest {
    /// Reads a file whole and digests it; about 2 GB a second.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        loop {
            let n = file.read(&mut buffer).map_err(Error::io("read", path))?;
            if n == 0 {
                return Ok(Self { bytes, blake3: hasher.finalize().to_hex().to_string() });
            }
            hasher.update(&buffer[..n]);
            bytes += n as u64;
        }
    }

    /// Digests what a file has been written of, or was read to.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
    }

    /// Digests the files below a directory whose names, as paths from there, are wanted.
    pub(crate) fn of_all(dir: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Self>> {
        let (mut digests, mut dirs) = (BTreeMap::new(), vec![(dir.to_path_buf(), String::new())]);
        while let Some((dir, prefix)) = dirs.pop() {
            for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
                let entry = entry.map_err(Error::io("list", &dir))?;
                let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
                if path.is_dir() {
                    dirs.push((path, name + "/"));
                } else if is_wanted(&name) {
                    let digest = Self::of(&path)?;
                    digests.insert(name, digest);
                }
            }
        }
        Ok(digests)
    }

    /// Checks a file against what it must hold.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it holds something else, [`Error::Io`] where it cannot be read.
    pub fn check(&self, path: &Path) -> Result<()> {
        let found = Self::of(path)?;
        if found == *self {
            return Ok(());
        }
        let detail = if found.bytes == self.bytes {
            format!("its BLAKE3 is {}, the manifest says {}", found.blake3, self.blake3)
        } else {
            format!("it has {} bytes, the manifest says {}", found.bytes, self.bytes)
        };
        Err(Error::Damaged { path: path.to_path_buf(), detail })
    }
}

impl Manifest {
    /// The manifest as the bytes of its file, the digest at their end.
    ///
    /// # Errors
    /// [`Error::Encode`], which would be a fault of ours.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Encode { what: "manifest", detail: e.to_string() })?;
        Ok(with_digest(text.trim_end().trim_end_matches('}').trim_end()).into_bytes())
    }

    /// Ends the text of a manifest that lacks nothing but its digest.
    #[cfg(fuzzing)]
    #[must_use]
    pub fn with_digest(open: &str) -> Vec<u8> {
        with_digest(open).into_bytes()
    }

    /// Reads the bytes of the file `path`.
    ///
    /// # Errors
    /// [`Error::OtherFormat`] and [`Error::Damaged`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        /// Read first: another format may hold anything else.
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }

        let damaged = |detail: String| Error::Damaged { path: path.to_path_buf(), detail };
        let Version { format_version: found } =
            serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        if found != FORMAT_VERSION {
            return Err(Error::OtherFormat { path: path.to_path_buf(), found, supported: FORMAT_VERSION });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| damaged(e.to_string()))?;
        let digested = text.rfind(DIGEST).map(|at| &text[..at]);
        if digested.map(with_digest).as_deref() != Some(text) {
            return Err(damaged("its digest is not that of its content".to_owned()));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        manifest.check_shards().map_err(damaged)?;
        Ok(manifest)
    }

    /// Whether there is a file of each shard, and a shard at all where users are cut.
    fn check_shards(&self) -> std::result::Result<(), String> {
        let Some(n_shards) = self.n_shards else { return Ok(()) };
        if n_shards == 0 {
            return Err("it says that users are cut into 0 shards".to_owned());
        }
        let mut files = (0..n_shards).map(layout::users_file);
        match files.find(|file| !self.files.contains_key(file)) {
            None => Ok(()),
            Some(file) => {
                Err(format!("it says that there are {n_shards} shards, and does not list the file {file}"))
            }
        }
    }

    /// Whether a reader may own such shards of it.
    pub(crate) fn check_owned(&self, owned: &Owned) -> Result<()> {
        let n_shards = self.n_shards.unwrap_or(0);
        // Of a generation that is not cut a reader would have to load everybody.
        if owned.is_all() || owned.last().is_some_and(|last| last < n_shards) {
            return Ok(());
        }
        Err(Error::NoSuchShards { generation: self.generation.clone(), n_shards, owned: owned.to_string() })
    }
}

/// What stands between the last member of a manifest and its digest.
const DIGEST: &str = ",\n  \"digest\": \"";

/// Ends an open JSON object with a member that holds the digest of everything before it.
fn with_digest(open: &str) -> String {
    format!("{open}{DIGEST}{}\"\n}}\n", blake3::hash(open.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_into(n_shards: u32, listed: u32) -> Result<Manifest> {
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            generation: GenerationId::at(jiff::Timestamp::UNIX_EPOCH),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            account: Account::default(),
            content_digest: String::new(),
            n_shards: Some(n_shards),
            files: (0..listed).map(|shard| (layout::users_file(shard), FileDigest::default())).collect(),
        };
        Manifest::parse(Path::new("manifest.json"), &manifest.to_bytes()?)
    }

    #[test]
    fn a_manifest_lists_a_file_of_each_shard_and_no_fewer_than_one() {
        assert_eq!(cut_into(3, 3).unwrap().n_shards, Some(3));
        for (n_shards, listed, says) in
            [(3, 2, "users/00002.parquet"), (u32::MAX, 1, "users/00001"), (0, 0, "0 shards")]
        {
            let error = cut_into(n_shards, listed).unwrap_err().to_string();
            assert!(error.contains("manifest.json") && error.contains(says), "{error}");
        }
    }
}
