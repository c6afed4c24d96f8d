//! The note that a kept copy carries: which generation it is of, and how its files were left.
//!
//! sled may write to the files of a copy when it opens it, so what is kept cannot be checked against the manifest's
//! digests again. The note says instead how sled left them: the log by its length, for reading gigabytes is what a kept
//! copy is to spare, and everything else, sled's table of where each page lies among it, by its digest. Of every
//! message of the log that sled reads it checks a CRC of its own. The note is written after everything else was synced,
//! and taken away before a copy is opened: no crash, of the program or of the machine, leaves it on other files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::{Error, Result};
use crate::ids::GenerationId;
use crate::layout::{LOG, RECORDS};
use crate::manifest::{FileDigest, Manifest};
use crate::shards::Owned;
use crate::writer::await_close;

/// What is written down of a copy that is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    generation: GenerationId,
    /// The digest of the generation's manifest.
    manifest: String,
    /// The shards whose users are in it.
    shards: String,
    log_bytes: u64,
    /// The other files below the records.
    files: BTreeMap<String, FileDigest>,
}

impl Note {
    /// Syncs the files of a closed copy of a generation and says how they are.
    ///
    /// # Errors
    /// [`Error::Io`], also where sled does not let go of them.
    pub(crate) fn synced(manifest: &Manifest, owned: &Owned, dir: &Path) -> Result<Self> {
        let records = dir.join(RECORDS);
        await_close(&records)?;
        durable::sync_all(&records)?;
        durable::sync_dir(dir)?;
        Self::of(manifest, owned, dir)
    }

    /// Says how the files of a copy are.
    pub(crate) fn of(manifest: &Manifest, owned: &Owned, dir: &Path) -> Result<Self> {
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

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::Encode { what: "note", detail: e.to_string() })
    }

    /// Whether these bytes say the same.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Self>(bytes).is_ok_and(|other| other == *self)
    }
}
