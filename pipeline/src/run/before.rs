//! What was before tonight: what is published, to compare with, and whether anything has changed since.
//!
//! Changed means by content: the digests of the input files and of this program, and the settings.

use reading::OpenInput;
use store::Repository;
use store::manifest::{Account, FileDigest, Manifest};
use store::repository::{Mark, Pointer};

use super::{Outcome, RunSettings};
use crate::error::{Error, Result};
use crate::gate::Baseline;

/// The digest of this program: what changes with every change of the code. Empty where the system does not tell.
pub(crate) fn program_digest() -> String {
    let digest = std::env::current_exe().ok().and_then(|path| FileDigest::of(&path).ok());
    digest.map(|digest| digest.blake3).unwrap_or_default()
}

/// The generation that a run would only make again, and what that makes of the run.
pub(super) fn unchanged(
    repository: &Repository,
    baseline: &Baseline,
    input: &OpenInput,
    program: &str,
    settings: &RunSettings,
) -> Result<Option<(Outcome, Manifest)>> {
    if settings.always || program.is_empty() {
        return Ok(None);
    }
    let parameters = settings.parameters();
    let is_same = |manifest: &Manifest| {
        let Account { source, program: by, parameters: with, .. } = &manifest.account;
        // A generation that has lost a file is computed again.
        Ok::<_, Error>(
            by == program
                && *with == parameters
                && input.is(source)?
                && repository.check_files(manifest).is_ok(),
        )
    };
    if let Some(published) = baseline.manifest()
        && is_same(published)?
    {
        return Ok(Some((Outcome::Unchanged, published.clone())));
    }
    // A generation whose manifest cannot be read is computed again, too.
    let withdrawn = repository.marked(Mark::Withdrawn)?.into_keys().rev();
    for manifest in withdrawn.filter_map(|id| repository.manifest(&id).ok()) {
        if is_same(&manifest)? {
            return Ok(Some((Outcome::Withdrawn, manifest)));
        }
    }
    Ok(None)
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
