//! Follows the deny list: reads the file again and again, and puts what it says in the place of what it said.
//!
//! A file that cannot be read, or says something that it cannot say, changes nothing: what was hidden stays hidden.
//! A file that is being written says less than it will: what it no longer names is shown once two looks in succession
//! have found the same.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use store::DenyList;

use crate::app::App;
use crate::caching;
use crate::error::Result;

/// What must not be shown now, and a digest of it.
#[derive(Debug, Default)]
pub(crate) struct Denied(ArcSwap<Version>);

/// One reading of the file.
#[derive(Debug, Default)]
pub(crate) struct Version {
    /// What it says.
    pub(crate) list: DenyList,
    /// Other content, most likely another number: for what clients keep.
    pub(crate) digest: u64,
}

impl Denied {
    /// Reads a file, which must be there.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let denied = Self::default();
        denied.replace(DenyList::read(path)?);
        Ok(denied)
    }

    /// What must not be shown, for one request.
    pub(crate) fn load(&self) -> Guard<Arc<Version>> {
        self.0.load()
    }

    fn replace(&self, list: DenyList) {
        let digest = caching::digest(&list);
        self.0.store(Arc::new(Version { list, digest }));
    }
}

/// Looks at the file every now and then, for as long as it is polled.
pub(crate) async fn follow(app: Arc<App>) {
    let Some(path) = app.settings.deny_list.clone() else { return };
    let (mut looks, mut complaint) = (Looks::default(), None);
    loop {
        tokio::time::sleep(app.settings.poll_interval).await;
        // Small, and of this machine: not worth a thread.
        match DenyList::read(&path) {
            Ok(list) => {
                let list = looks.hidden(list, &app.denied.load().list);
                if list != app.denied.load().list {
                    let (n_movies, n_users) = (list.movies().len(), list.users().len());
                    tracing::info!("{} hides {n_movies} movies and {n_users} users", path.display());
                    app.denied.replace(list);
                }
                complaint = None;
            }
            Err(error) => {
                looks = Looks::default();
                app.metrics.deny_list_failures.inc();
                let error = error.to_string();
                if complaint.as_ref() != Some(&error) {
                    tracing::error!("the deny list stays as it was: {error}");
                    complaint = Some(error);
                }
            }
        }
    }
}

/// What the last look at the file found, if it could be read.
#[derive(Debug, Default)]
struct Looks(Option<DenyList>);

impl Looks {
    /// What is to be hidden now that the file says `list`.
    fn hidden(&mut self, list: DenyList, hidden: &DenyList) -> DenyList {
        let before = self.0.replace(list.clone());
        if before.as_ref() == Some(&list) { list } else { list.and(hidden) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_hidden_at_once_and_shown_again_when_two_looks_agree() {
        let list = |text: &str| DenyList::parse(Path::new("deny.txt"), text.as_bytes()).unwrap();
        let (mut looks, mut hidden) = (Looks::default(), list("movie 1\nuser 2\n"));
        // The file is cut and written again, and each state of it is found once.
        for (file, shown) in [
            ("movie 1\nuser 2\n", "movie 1\nuser 2\n"),
            ("", "movie 1\nuser 2\n"),
            ("movie 1\n", "movie 1\nuser 2\n"),
            ("movie 1\nuser 2\nuser 3\n", "movie 1\nuser 2\nuser 3\n"),
            ("movie 1\n", "movie 1\nuser 2\nuser 3\n"),
            ("movie 1\n", "movie 1\n"),
            ("", "movie 1\n"),
            ("", ""),
        ] {
            hidden = looks.hidden(list(file), &hidden);
            assert_eq!(hidden, list(shown), "{file}");
        }
    }
}
