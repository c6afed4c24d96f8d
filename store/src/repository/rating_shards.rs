//! Rating shards: the ratings, cut by user, at a location of their own or among the files of a job.
//!
//! ```text
//! 00000.parquet ...   the ratings of each shard's users
//! shards.json         the account; written last, so that shards without it are incomplete
//! rejects.csv         rejected rows, where `pipeline partition` has cut the ratings
//! ```
//!
//! Other programs may write them as well: the files, then `{"n_shards": 4096, "version": "2026-11-26"}`, where `version` is
//! any value that changes with the ratings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::objects::{self, Fetched, Objects};
use crate::error::{Error, Result};
use crate::layout::SHARDS;
use crate::location::Location;
use crate::manifest::{FileDigest, Rows};
use crate::shards::MOST_SHARDS;

/// The account of rating shards, as `shards.json` holds it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RatingsAccount {
    /// The number of shards.
    pub n_shards: u32,
    /// The account of the rows that were cut, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// The digests of the files by name, as far as they are known.
    #[serde(default)]
    pub files: BTreeMap<String, FileDigest>,
}

/// The rating shards at a place.
#[derive(Debug, Clone)]
pub struct RatingShards {
    objects: Arc<dyn Objects>,
    /// The beginning of all keys.
    prefix: String,
}

impl RatingShards {
    /// The rating shards at a location. `patience` is how long requests to a bucket are repeated while the store does not
    /// answer.
    ///
    /// # Errors
    /// [`Error::Environment`], [`Error::Remote`].
    pub fn open(location: &Location, patience: Duration) -> Result<Self> {
        Ok(Self { objects: objects::open(location, patience)?, prefix: String::new() })
    }

    pub(super) fn within(objects: &Arc<dyn Objects>, folder: &str) -> Self {
        Self { objects: Arc::clone(objects), prefix: format!("{folder}/") }
    }

    /// Reads the account. Returns it with its digest, which changes with the ratings.
    ///
    /// # Errors
    /// [`Error::NotPartitioned`] where there is no account; [`Error::Damaged`] for one that cannot be read;
    /// [`Error::Io`], [`Error::Remote`].
    pub fn account(&self) -> Result<(RatingsAccount, FileDigest)> {
        let key = self.key(SHARDS);
        let damaged = |detail: String| Error::Damaged { path: self.objects.path(&key), detail };
        let Some((bytes, _)) = self.objects.read(&key)? else {
            return Err(Error::NotPartitioned { path: self.objects.path(&key) });
        };
        let account: RatingsAccount = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if !(1..=MOST_SHARDS).contains(&account.n_shards) {
            let detail = format!("n_shards is {}, not 1 to {MOST_SHARDS}", account.n_shards);
            return Err(damaged(detail));
        }
        Ok((account, FileDigest::of_bytes(&bytes)))
    }

    /// Begins to write shards: until the [end](Self::end) they count as incomplete.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn begin(&self) -> Result<()> {
        self.objects.remove(&self.key(SHARDS))
    }

    /// Uploads the file of a shard.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn send(&self, from: &Path, shard: u32) -> Result<()> {
        self.send_beside(from, &file_name(shard))
    }

    /// Uploads a file of another kind beside the shards.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn send_beside(&self, from: &Path, name: &str) -> Result<()> {
        self.objects.upload(from, &self.key(name), &mut |_| ())
    }

    /// Completes the shards: writes the account and removes files of shards beyond. `files` has the digest of each shard's
    /// file, in order.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`].
    pub fn end(&self, files: Vec<FileDigest>, rows: Option<Rows>) -> Result<FileDigest> {
        let n_shards = files.len() as u32;
        let files = (0..n_shards).map(file_name).zip(files).collect();
        let account = serde_json::to_vec_pretty(&RatingsAccount { n_shards, rows, files })
            .map_err(|e| Error::Encode { what: "account of shards", detail: e.to_string() })?;
        self.objects.write(&self.key(SHARDS), &account)?;
        let number = |name: &str| name.strip_suffix(".parquet")?.parse::<u32>().ok();
        for name in self.objects.names(self.prefix.trim_end_matches('/'))? {
            if number(&name).is_some_and(|shard| shard >= n_shards && name == file_name(shard)) {
                self.objects.remove(&self.key(&name))?;
            }
        }
        Ok(FileDigest::of_bytes(&account))
    }

    /// The file of a shard, in place or as a copy in `dir`, checked against its digest in the account where there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is missing or differs; [`Error::Io`], [`Error::Remote`].
    pub fn fetch(&self, account: &RatingsAccount, shard: u32, dir: &Path) -> Result<Fetched> {
        let name = file_name(shard);
        let fetched = self.objects.fetch(&self.key(&name), dir)?;
        let checked = account.files.get(&name).map_or(Ok(()), |digest| digest.check(fetched.path()));
        checked.map(|()| fetched).map_err(|e| self.of_original(shard, e))
    }

    /// An error about a copy of a shard's file, with the path of the file in its place.
    #[must_use]
    pub fn of_original(&self, shard: u32, error: Error) -> Error {
        error.with_path(self.path(shard))
    }

    /// [`Error::Damaged`] for the file of a shard.
    #[must_use]
    pub fn damaged(&self, shard: u32, detail: String) -> Error {
        Error::Damaged { path: self.path(shard), detail }
    }

    /// The URL of a shard's file, for other programs.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no current directory.
    pub fn url(&self, shard: u32) -> Result<String> {
        self.objects.url(&self.key(&file_name(shard)))
    }

    fn path(&self, shard: u32) -> PathBuf {
        self.objects.path(&self.key(&file_name(shard)))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

fn file_name(shard: u32) -> String {
    format!("{shard:05}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_that_are_not_cut_are_not_called_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let shards = RatingShards::open(&Location::from(dir.path()), Duration::ZERO).unwrap();
        let error = shards.account().unwrap_err();
        assert!(matches!(error, Error::NotPartitioned { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("shards.json") && error.contains("not partitioned"), "{error}");
        assert!(
            !error.contains("damaged") && !error.contains("pipeline"),
            "the advice is the caller's: {error}"
        );

        std::fs::write(dir.path().join(SHARDS), "{}").unwrap();
        let error = shards.account().unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(!error.to_string().contains("pipeline"), "the advice is the caller's: {error}");
    }
}
