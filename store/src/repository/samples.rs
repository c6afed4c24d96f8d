//! The sample of a generation, read for the gate of a later run.

use super::Repository;
use crate::error::{Error, Result};
use crate::layout;
use crate::manifest::{FileDigest, Manifest};
use crate::sample::{SAMPLE, Sample};

impl Repository {
    /// The sample of a generation's input; `None` where the release that made the generation wrote none.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that is missing or differs from the manifest; [`Error::Io`], [`Error::Remote`].
    pub fn sample(&self, manifest: &Manifest) -> Result<Option<Sample>> {
        let Some(digest) = manifest.files.get(SAMPLE) else { return Ok(None) };
        let key = layout::key(&manifest.generation, SAMPLE);
        let damaged = |detail: String| Error::Damaged { path: self.objects.path(&key), detail };
        let Some((bytes, _)) = self.objects.read(&key)? else {
            return Err(damaged("it is missing".to_owned()));
        };
        if FileDigest::of_bytes(&bytes) != *digest {
            return Err(damaged("its length or hash is not that of the manifest".to_owned()));
        }
        Sample::decode(&bytes).map(Some).map_err(damaged)
    }
}
