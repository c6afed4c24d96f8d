//! The note in a kept copy: its generation, its shards and the state of its files.
//!
//! The record engine may write to the files of a copy when it opens it, so that a kept copy no longer has the digests of
//! the manifest. The note has the length of the log, because reading gigabytes is what a kept copy spares, and the digest
//! of each other file, among them the table of the pages. The engine checks a CRC of each part of the log that it reads.
//!
//! The note is written after all files are synced and removed before a copy is opened, so that no crash leaves a note
//! beside files that it does not describe.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::engine::{LOG, await_close};
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::RECORDS;
use crate::manifest::{FileDigest, Manifest};
use crate::shards::Owned;

/// The description of a kept copy.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    generation: GenerationId,
    /// The BLAKE3 hash of the manifest.
    manifest: String,
    /// The shards whose users are in the copy.
    shards: String,
    log_bytes: u64,
    /// The digests of the other files below the records.
    files: BTreeMap<String, FileDigest>,
}

impl Note {
    /// Syncs the files of a closed copy and describes them.
    ///
    /// # Errors
    /// [`Error::Io`], also where the record engine does not release the files.
    pub(super) fn synced(manifest: &Manifest, owned: &Owned, dir: &Path) -> Result<Self> {
        let records = dir.join(RECORDS);
        await_close(&records)?;
        durable::sync_all(&records)?;
        durable::sync_dir(dir)?;
        Self::of(manifest, owned, dir)
    }

    /// Describes the files of a copy.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn of(manifest: &Manifest, owned: &Owned, dir: &Path) -> Result<Self> {
        let records = dir.join(RECORDS);
        let log = records.join(LOG);
        Ok(Self {
            generation: manifest.generation.clone(),
            manifest: blake3::hash(&manifest.to_bytes()?).to_hex().to_string(),
            shards: owned.to_string(),
            log_bytes: fs::metadata(&log).map_err(Error::io("look at", &log))?.len(),
            files: FileDigest::of_all(&records, |name| name != LOG)?,
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::Encode { what: "note", detail: e.to_string() })
    }

    /// Whether these are the bytes of an equal note.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Self>(bytes).is_ok_and(|other| other == *self)
    }
}
