//! The deny list: the movies and users that are not shown, read from a file that may change at any time.
//!
//! Input: the path of the file, polled by [`follow`]. Output: the current version of the list. A file that cannot be read
//! changes nothing. New entries are applied at once. Removed entries are applied when two readings in succession agree,
//! because a file that is being written has only some of its entries. The format of the file is known in `store::deny`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use prometheus_client::metrics::counter::Counter;
use store::DenyList;
use tokio::task::spawn_blocking;

use crate::caching;
use crate::error::{Error, Result};

/// The current deny list.
#[derive(Debug, Default)]
pub(crate) struct Denied(ArcSwap<DenyListVersion>);

/// One version of the deny list.
#[derive(Debug, Default)]
pub(crate) struct DenyListVersion {
    pub(crate) list: DenyList,
    /// A hash of the list, which is part of entity tags.
    pub(crate) digest: u64,
}

impl Denied {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`Error::Store`] for a file that is absent or malformed.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let denied = Self::default();
        denied.replace(DenyList::read(path)?);
        Ok(denied)
    }

    /// The current version, for one request.
    pub(crate) fn load(&self) -> Guard<Arc<DenyListVersion>> {
        self.0.load()
    }

    fn replace(&self, list: DenyList) {
        let digest = caching::digest(&list);
        self.0.store(Arc::new(DenyListVersion { list, digest }));
    }
}

/// Polls the file and replaces the list when it changes, for as long as the future is polled. Counts the failures.
pub(crate) async fn follow(denied: &Denied, path: &Path, interval: Duration, failures: &Counter) {
    let (mut readings, mut logged) = (Readings::default(), None);
    loop {
        tokio::time::sleep(interval).await;
        let file = path.to_path_buf();
        // A file system may be slow, and a list long.
        let read = spawn_blocking(move || DenyList::read(&file)).await;
        match read.map_err(Error::from).and_then(|read| Ok(read?)) {
            Ok(list) => {
                let list = readings.effective(list, &denied.load().list);
                if list != denied.load().list {
                    let (n_movies, n_users) = (list.movies().len(), list.users().len());
                    tracing::info!("{} hides {n_movies} movies and {n_users} users", path.display());
                    denied.replace(list);
                }
                logged = None;
            }
            Err(error) => {
                readings = Readings::default();
                failures.inc();
                let error = error.to_string();
                if logged.as_ref() != Some(&error) {
                    tracing::error!("the deny list is not updated: {error}");
                    logged = Some(error);
                }
            }
        }
    }
}

/// The last reading of the file; `None` where it failed.
#[derive(Debug, Default)]
struct Readings(Option<DenyList>);

impl Readings {
    /// The list to apply, given the content of the file and the current list.
    fn effective(&mut self, list: DenyList, current: &DenyList) -> DenyList {
        let before = self.0.replace(list.clone());
        if before.as_ref() == Some(&list) { list } else { list.and(current) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_entries_apply_at_once_and_removed_ones_when_two_readings_agree() {
        let list = |text: &str| DenyList::parse(Path::new("deny.txt"), text.as_bytes()).unwrap();
        let (mut readings, mut current) = (Readings::default(), list("movie 1\nuser 2\n"));
        // The file is truncated and written again, and each of its states is read once.
        for (file, effective) in [
            ("movie 1\nuser 2\n", "movie 1\nuser 2\n"),
            ("", "movie 1\nuser 2\n"),
            ("movie 1\n", "movie 1\nuser 2\n"),
            ("movie 1\nuser 2\nuser 3\n", "movie 1\nuser 2\nuser 3\n"),
            ("movie 1\n", "movie 1\nuser 2\nuser 3\n"),
            ("movie 1\n", "movie 1\n"),
            ("", "movie 1\n"),
            ("", ""),
        ] {
            current = readings.effective(list(file), &current);
            assert_eq!(current, list(effective), "{file}");
        }
    }
}
