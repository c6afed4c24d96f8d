//! Follows the deny list: reads the file again and again, and puts what it says in the place of what it said.
//!
//! A file that cannot be read, or says something that it cannot say, changes nothing: what was hidden stays hidden.

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
    let mut complaint = None;
    loop {
        tokio::time::sleep(app.settings.poll_interval).await;
        // Small, and of this machine: not worth a thread.
        match DenyList::read(&path) {
            Ok(list) => {
                if list != app.denied.load().list {
                    let (n_movies, n_users) = (list.movies().len(), list.users().len());
                    tracing::info!("{} hides {n_movies} movies and {n_users} users", path.display());
                    app.denied.replace(list);
                }
                complaint = None;
            }
            Err(error) => {
                let error = error.to_string();
                if complaint.as_ref() != Some(&error) {
                    tracing::error!("the deny list stays as it was: {error}");
                    app.metrics.deny_list_failures.inc();
                    complaint = Some(error);
                }
            }
        }
    }
}
