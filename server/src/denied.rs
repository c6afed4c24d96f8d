//! The deny list: the movies and users that are not shown, read from a file that may change at any time.
//!
//! Input: the path of the file, polled by [`follow`]. Output: the current version of the list. A file that cannot be read
//! changes nothing. New entries are applied at once. Removed entries are applied when two readings in succession agree,
//! because a file that is being written has only some of its entries. Reading, parsing and comparing happen on a thread
//! of their own. The format of the file is known in `store::deny`.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use store::DenyList;
use store::manifest::FileDigest;

use crate::app::App;
use crate::background::time_limit;
use crate::caching;
use crate::error::Result;

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
    /// [`Error::Store`](crate::Error::Store) for a file that is absent or malformed.
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

    /// Reads the file again and applies it. A list of a million entries takes some tenths of a second where the file has
    /// changed, and some milliseconds where it has not.
    fn update(&self, path: &Path, readings: &mut Readings) -> Result<()> {
        let list = readings.next(path)?;
        let list = readings.effective(list, &self.load().list);
        if list != self.load().list {
            let (n_movies, n_users) = (list.movies().len(), list.users().len());
            tracing::info!("{} hides {n_movies} movies and {n_users} users", path.display());
            self.replace(list);
        }
        Ok(())
    }
}

/// Polls the file and replaces the list when it changes, for as long as the future is polled. Counts the failures.
pub(crate) async fn follow(app: &Arc<App>, path: &Path) {
    let interval = app.settings.poll_interval;
    let (mut readings, mut logged) = (Readings::default(), None);
    loop {
        tokio::time::sleep(app.deny_list_watchdog.pause(interval)).await;
        let (state, file) = (Arc::clone(app), path.to_path_buf());
        let read = move || {
            let ended = state.denied.update(&file, &mut readings);
            if ended.is_err() {
                readings = Readings::default();
            }
            Ok((readings, ended))
        };
        let read = app.deny_list_watchdog.watch("reading", time_limit(interval), read).await;
        let ended = match read {
            Ok((kept, ended)) => {
                readings = kept;
                ended
            }
            Err(error) => {
                readings = Readings::default();
                Err(error)
            }
        };
        match ended.map_err(|error| error.to_string()) {
            Ok(()) => logged = None,
            Err(error) => {
                app.metrics.deny_list_failures.inc();
                if logged.as_ref() != Some(&error) {
                    tracing::error!("the deny list is not updated: {error}");
                    logged = Some(error);
                }
            }
        }
    }
}

/// The last reading of the file; nothing where it failed.
#[derive(Debug, Default)]
struct Readings {
    list: Option<DenyList>,
    /// The digest of the file that the list is from.
    file: FileDigest,
}

impl Readings {
    /// Reads the file. One that has not changed is not parsed again.
    fn next(&mut self, path: &Path) -> Result<DenyList> {
        let bytes = DenyList::bytes(path)?;
        let file = FileDigest::of_bytes(&bytes);
        match &self.list {
            Some(list) if file == self.file => Ok(list.clone()),
            _ => {
                self.file = file;
                Ok(DenyList::parse(path, &bytes)?)
            }
        }
    }

    /// The list to apply, given the content of the file and the current list.
    fn effective(&mut self, list: DenyList, current: &DenyList) -> DenyList {
        let before = self.list.replace(list.clone());
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
