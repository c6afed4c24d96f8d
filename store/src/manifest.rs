//! The manifest of a generation: the account of its run, and the digest of each file.
//!
//! It is written last, so that a generation with a manifest is complete. Its last member is the digest of everything before
//! it, so that no change of a generation goes unnoticed. `pipeline run --json` prints it as well.

mod gate;
mod measurement;
mod phase;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files;
use crate::ids::GenerationId;
use crate::layout;
use crate::shards::Owned;
pub use gate::{Check, Gate, Outcome, Verdict};
pub use measurement::{ActivitySlice, MeasuredUsers, Measurement, PairedMetric};
pub use phase::{Phase, Usage};

/// The format version that this release writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 6;

/// The manifest of one generation, as `manifest.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the records and of this file.
    pub format_version: u32,
    /// The id of the generation.
    pub generation: GenerationId,
    /// The time of the sealing.
    pub created_at: jiff::Timestamp,
    /// The account of the run.
    #[serde(flatten)]
    pub account: Account,
    /// A digest of all records in the order of their keys: equal for equal content, while the files may differ.
    pub content_digest: String,
    /// The number of shards of users, each a file below `users/`; `None` where users are among the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_shards: Option<u32>,
    /// The digest of each file of the generation except the manifest, by its path in the generation.
    pub files: BTreeMap<String, FileDigest>,
}

/// The account of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The release of the program.
    pub code_version: String,
    /// The digest of the program.
    pub program: String,
    /// The input files.
    pub source: Source,
    /// The settings of the run, the seed among them.
    pub parameters: Map<String, Value>,
    /// The account of the rows of the ratings.
    pub rows: Rows,
    /// The account of the rows of the movies.
    pub movie_rows: MovieRows,
    /// Numbers of users, movies and ratings.
    pub counts: Counts,
    /// Time and memory of each phase that ended before the manifest was sealed.
    pub phases: BTreeMap<Phase, Usage>,
    /// Pairs of a user and an unseen movie per second of the phase `score`.
    pub candidates_per_second: f64,
    /// Quality metrics by name, such as `rmse`; empty where the run did not evaluate.
    pub metrics: BTreeMap<String, f64>,
    /// The measurement behind the metrics of lists; `None` where lists were not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
    /// The result of the gate.
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
    /// The path.
    pub path: String,
    /// The digest of the content.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// Whether the last row ends with a line break. That of a truncated file usually does not.
    pub ends_with_newline: bool,
}

/// The account of the rows of the ratings: `read = kept + merged + rejected + denied`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows after the header, without blank lines.
    pub read: u64,
    /// Rows that became a rating.
    pub kept: u64,
    /// Rows replaced by a later rating of the same movie by the same user.
    pub merged: u64,
    /// Rejected rows.
    pub rejected: u64,
    /// Rejected rows by the first reason of each; sums to `rejected`.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Further reasons of rejected rows, beyond the first.
    pub also: BTreeMap<String, u64>,
    /// Rows whose user or movie is on the deny list, or whose movie the run held back.
    #[serde(default)]
    pub denied: u64,
    /// Kept rows without a valid timestamp, which count as older than any other.
    pub without_timestamp: u64,
    /// Acceptable rows with a timestamp that cannot be read, before merging. Absent in manifests of older programs.
    #[serde(default)]
    pub unreadable_timestamps: u64,
    /// Rows with lines in quotes that have the shape of rows, which may come from a quote that is not closed where it
    /// should be. Absent in manifests of older programs.
    #[serde(default)]
    pub with_rows_inside: u64,
}

/// The account of the rows of the movies: `read = kept + rejected + denied`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovieRows {
    /// Rows after the header.
    pub read: u64,
    /// Rows that became a movie.
    pub kept: u64,
    /// Rejected rows.
    pub rejected: u64,
    /// Rejected rows by reason; sums to `rejected`.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Rows whose movie is on the deny list.
    #[serde(default)]
    pub denied: u64,
    /// Rows with quoted lines that look like rows; see [`Rows::with_rows_inside`].
    #[serde(default)]
    pub with_rows_inside: u64,
}

/// Numbers of users, movies and ratings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Users with a list.
    pub users: u64,
    /// Movies with at least one rating: the candidates.
    pub movies: u64,
    /// Ratings in the training data.
    pub ratings: u64,
    /// Rated movies without metadata.
    pub movies_without_metadata: u64,
    /// The maximum length of a list.
    pub depth: u64,
    /// Movies among the first ten of any list.
    pub recommended: u64,
}

/// The length and hash of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// The length in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash in hexadecimal, as `b3sum` prints it.
    pub blake3: String,
}

impl Account {
    /// Checks that all figures are finite. JSON has no other numbers, and a `null` in their place cannot be read back.
    pub(crate) fn check_finite(&self) -> Result<()> {
        let speed = ("candidates_per_second".to_owned(), self.candidates_per_second);
        let metrics = self.metrics.iter().map(|(name, &value)| (format!("metrics.{name}"), value));
        let phases =
            self.phases.iter().map(|(name, phase)| (format!("phases.{name}.seconds"), phase.seconds));
        let checks = self.gate.checks.iter().flat_map(|check| {
            let figures = [("value", check.value), ("baseline", check.baseline)];
            figures.map(|(kind, figure)| figure.map(|figure| (format!("gate.{}.{kind}", check.name), figure)))
        });
        let measured = self.measurement.iter().flat_map(Measurement::figures);
        let mut figures =
            std::iter::once(speed).chain(metrics).chain(measured).chain(phases).chain(checks.flatten());
        match figures.find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((figure, value)) => Err(Error::NotFinite { figure, value }),
        }
    }
}

impl FileDigest {
    /// Reads and digests a file, at about 2 GB per second.
    ///
    /// # Errors
    /// [`Error::NotAFile`]; [`Error::Io`] where it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let (file, metadata) = files::open(path)?;
        // Bytes that are appended meanwhile are not read: the length differs already.
        let mut file = file.take(metadata.len() + 1);
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

    /// Digests the content of a file.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
    }

    /// Digests the files below a directory. `is_wanted` selects them by their path from there.
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

    /// Checks a file.
    ///
    /// # Errors
    /// [`Error::Damaged`] where length or hash differ, [`Error::Io`] where it cannot be read.
    pub fn check(&self, path: &Path) -> Result<()> {
        let damaged = |detail| Error::Damaged { path: path.to_path_buf(), detail };
        self.compare(&Self::of(path)?).map_err(damaged)
    }

    /// Compares with the digest that a file has; an error is the difference.
    pub(crate) fn compare(&self, found: &Self) -> std::result::Result<(), String> {
        if found.bytes != self.bytes {
            Err(format!("it has {} bytes, the manifest says {}", found.bytes, self.bytes))
        } else if found.blake3 != self.blake3 {
            Err(format!("its BLAKE3 is {}, the manifest says {}", found.blake3, self.blake3))
        } else {
            Ok(())
        }
    }
}

impl Manifest {
    /// The bytes of the file, with the digest at the end.
    ///
    /// # Errors
    /// [`Error::Encode`].
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Encode { what: "manifest", detail: e.to_string() })?;
        Ok(with_digest(text.trim_end().trim_end_matches('}').trim_end()).into_bytes())
    }

    /// Adds the digest to the text of a manifest.
    #[cfg(fuzzing)]
    #[must_use]
    pub fn with_digest(open: &str) -> Vec<u8> {
        with_digest(open).into_bytes()
    }

    /// Parses the bytes of the file `path`.
    ///
    /// # Errors
    /// [`Error::OtherFormat`] for another format version, [`Error::Damaged`] for invalid content or a wrong digest.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        /// Read first: other formats may have other members.
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

    /// Checks that there is at least one shard, and a file of each.
    fn check_shards(&self) -> std::result::Result<(), String> {
        let Some(n_shards) = self.n_shards else { return Ok(()) };
        if n_shards == 0 {
            return Err("it has 0 shards".to_owned());
        }
        let mut files = (0..n_shards).map(layout::users_file);
        match files.find(|file| !self.files.contains_key(file)) {
            None => Ok(()),
            Some(file) => Err(format!("it has {n_shards} shards, and does not list the file {file}")),
        }
    }

    /// Checks that a reader can own these shards.
    pub(crate) fn check_owned(&self, owned: &Owned) -> Result<()> {
        let n_shards = self.n_shards.unwrap_or(0);
        // A generation that is not cut has no part of the users to load.
        if owned.is_all() || owned.last().is_some_and(|last| last < n_shards) {
            return Ok(());
        }
        Err(Error::NoSuchShards { generation: self.generation.clone(), n_shards, owned: owned.to_string() })
    }
}

/// The text between the last member of a manifest and its digest.
const DIGEST: &str = ",\n  \"digest\": \"";

/// Ends an open JSON object with a member that is the digest of everything before it.
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
