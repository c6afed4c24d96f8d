//! Generations that are dated ahead of the clock: the clock of this machine is behind, or that of an earlier run was ahead.

use jiff::Timestamp;
use serde::Serialize;
use store::{GenerationId, Repository};

use crate::error::Result;

/// The seconds by which the clocks of machines may differ without a warning.
const TOLERANCE: i64 = 5;

/// A generation that is dated ahead of the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatedAhead {
    /// The generation.
    pub generation: GenerationId,
    /// The seconds until the time in its id.
    pub seconds: i64,
}

/// Returns the generation with the latest id if that is dated ahead of a time.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store) if the repository cannot be read.
pub fn dated_ahead(repository: &Repository, now: Timestamp) -> Result<Option<DatedAhead>> {
    let ids = repository.generations()?;
    let latest = ids.into_iter().rev().find_map(|id| id.time().map(|time| (id, time)));
    Ok(latest.and_then(|(generation, time)| {
        let seconds = time.duration_since(now).as_secs();
        (seconds > TOLERANCE).then_some(DatedAhead { generation, seconds })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_id_that_is_a_time_is_compared_with_the_clock() {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::in_directory(dir.path());
        let at = |now: &str| {
            let found = dated_ahead(&repository, now.parse().unwrap()).unwrap();
            found.map(|found| (found.generation.to_string(), found.seconds))
        };
        assert_eq!(at("2026-11-23T02:30:00Z"), None);
        for id in ["20261123T023000.000Z", "20261123T033000.000Z", "20269923T023000.000Z"] {
            std::fs::create_dir_all(store::layout::generations_dir(dir.path()).join(id)).unwrap();
        }
        assert_eq!(at("2026-11-23T03:30:00Z"), None);
        assert_eq!(at("2026-11-23T03:29:56Z"), None);
        assert_eq!(at("2026-11-23T02:30:00Z"), Some(("20261123T033000.000Z".to_owned(), 3600)));
    }
}
