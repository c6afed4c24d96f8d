//! What was before tonight: what is published, to compare with, and whether anything has changed since.
//!
//! Changed means by content: the digests of the input files and of this program, and the settings.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use store::manifest::{Account, FileDigest, Manifest, Source, SourceFile};
use store::repository::{Mark, Pointer, RatingShards};
use store::{PATIENCE, Repository};

use super::{Outcome, RunSettings};
use crate::error::{Error, Result};
use crate::gate::Baseline;
use reading::{InputSettings, RatingsSource};

/// Digests the input files as they are, so that a later run can tell whether anything changed.
pub(super) fn source_of(settings: &InputSettings) -> Result<Source> {
    let file = |path: &Path| {
        let (digest, ends_with_newline) = (FileDigest::of(path)?, ends_with_newline(path)?);
        Ok::<_, Error>(SourceFile { path: path.display().to_string(), digest, ends_with_newline })
    };
    let ratings = match &settings.ratings {
        RatingsSource::File(path) => file(path)?,
        RatingsSource::Shards { location, .. } => {
            // What they say of themselves has the digests of all, or says otherwise that they are others.
            let (_, digest) = RatingShards::open(location, PATIENCE)?.account()?;
            SourceFile { path: location.to_string(), digest, ends_with_newline: true }
        }
    };
    Ok(Source { ratings, movies: file(&settings.movies)? })
}

fn ends_with_newline(path: &Path) -> Result<bool> {
    let last_byte = || {
        let mut file = File::open(path)?;
        let mut last = [0];
        // An empty file has no last byte; that it has no rows is found later.
        let n = if file.seek(SeekFrom::End(-1)).is_ok() { file.read(&mut last)? } else { 0 };
        Ok(n == 1 && last == *b"\n")
    };
    last_byte().map_err(Error::io("read", path))
}

/// The digest of this program: what changes with every change of the code. Empty where the system does not tell.
pub(crate) fn program_digest() -> String {
    let digest = std::env::current_exe().ok().and_then(|path| FileDigest::of(&path).ok());
    digest.map(|digest| digest.blake3).unwrap_or_default()
}

/// The generation that a run would only make again, and what that makes of the run.
pub(super) fn unchanged(
    repository: &Repository,
    baseline: &Baseline,
    source: &Source,
    program: &str,
    settings: &RunSettings,
) -> Result<Option<(Outcome, Manifest)>> {
    if settings.always || program.is_empty() {
        return Ok(None);
    }
    let parameters = settings.parameters();
    let is_tonight = |manifest: &Manifest| {
        let Account { source: before, program: by, parameters: with, .. } = &manifest.account;
        let same_files =
            before.ratings.digest == source.ratings.digest && before.movies.digest == source.movies.digest;
        // One that has lost something had better be made again.
        same_files && by == program && *with == parameters && repository.check_files(manifest).is_ok()
    };
    if let Some(published) = baseline.manifest().filter(|manifest| is_tonight(manifest)) {
        return Ok(Some((Outcome::Unchanged, published.clone())));
    }
    // So had one that cannot be read.
    let withdrawn = repository.marked(Mark::Withdrawn)?.into_keys().rev();
    let mut withdrawn = withdrawn.filter_map(|id| repository.manifest(&id).ok());
    Ok(withdrawn.find(is_tonight).map(|manifest| (Outcome::Withdrawn, manifest)))
}

/// What is published, to compare with. What cannot be read is no reason to publish nothing: it is not served either.
pub(super) fn baseline(repository: &Repository, seen: &Pointer) -> Result<Baseline> {
    let manifest = match seen.generation() {
        Ok(None) => return Ok(Baseline::None("nothing was published before".to_owned())),
        Ok(Some(id)) => repository.manifest(&id),
        Err(unreadable) => Err(unreadable),
    };
    match manifest {
        Ok(manifest) => Ok(Baseline::Generation(Box::new(manifest))),
        Err(
            e @ (store::Error::BadCurrent { .. }
            | store::Error::Incomplete { .. }
            | store::Error::OtherFormat { .. }
            | store::Error::Damaged { .. }),
        ) => {
            tracing::warn!("there is nothing to compare with: {e}");
            Ok(Baseline::None(e.to_string()))
        }
        Err(other) => Err(other.into()),
    }
}
