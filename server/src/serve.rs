//! The lifetime of a server: from a listening socket to the last answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use store::Repository;
use store::local_copy::WorkingCopy;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::App;
use crate::background::{self, time_limit};
use crate::connections::{Limits, Workers};
use crate::denied;
use crate::error::{Error, Result};
use crate::reload;
use crate::routes::{self, WorkerState};
use crate::settings::Settings;

/// The time for which a request to a bucket is repeated before the failure is logged. The next poll follows anyway.
const RETRY_TIME: Duration = Duration::from_secs(5);

/// The time for which the end waits for the working copy to be stored. A copy that is not stored is fetched again.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(4);

/// Serves on a listener until `shutdown` is ready, then answers the requests in flight and returns.
///
/// It accepts requests at once: until the first generation is open, lookups are answered with 503. When it returns, the
/// working copy that it served from is kept for the next start, and no other copy is left. It returns at the latest four
/// seconds after the drain timeout.
///
/// # Errors
/// [`Error::WorkDir`] where working copies cannot be made, [`Error::Repository`], [`Error::System`], [`Error::Crashed`],
/// and [`Error::Store`] for a deny list that cannot be read. Once it serves, only `shutdown` ends it.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address =
        listener.local_addr().map_err(|source| Error::System { action: "name the socket", source })?;
    let mut shutdown = pin!(shutdown);
    let (app, repository) = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        prepared = prepare(settings) => prepared?,
    };
    let follower = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { reload::follow(&app, repository).await })
    };
    let deny_list_follower = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            if let Some(path) = &app.settings.deny_list {
                denied::follow(&app, path).await;
            }
        })
    };
    tracing::info!("listening on http://{address}");

    let service = || warp::service(routes::filter(Arc::new(WorkerState(Arc::clone(&app)))));
    let mut workers = Workers::start(Limits::of(&app), &app.metrics, service)?;
    workers.accept(listener, shutdown).await;
    let drain_timeout = app.settings.drain_timeout;
    if !workers.drain(drain_timeout).await {
        tracing::warn!("requests are still in flight after {drain_timeout:?}; stopping anyway");
    }

    deny_list_follower.abort();
    follower.abort();
    let close = async {
        let _ = follower.await;
        app.current.close().await;
    };
    if timeout(CLOSE_TIMEOUT, close).await.is_err() {
        tracing::warn!(
            "the working copy is not on disk in time; the next start fetches the generation again"
        );
    }
    tracing::info!("stopped");
    Ok(())
}

/// Prepares what serving needs of the disk, on a thread of its own. It waits for as long as that takes: without its deny
/// list, a server would show what is hidden.
///
/// # Errors
/// [`Error::WorkDir`], [`Error::Repository`], [`Error::Store`] for the deny list; [`Error::System`], [`Error::Crashed`].
async fn prepare(settings: Settings) -> Result<(Arc<App>, Repository)> {
    let limit = time_limit(settings.poll_interval);
    let mut prepared = pin!(background::run(move || {
        // A failure is reported now rather than with the first generation, which may be published much later.
        WorkingCopy::create(&settings.work_dir).map_err(|source| Error::WorkDir { source })?;
        let repository =
            Repository::open(&settings.store, RETRY_TIME).map_err(|source| Error::Repository { source })?;
        Ok((Arc::new(App::new(settings)?), repository))
    }));
    if let Ok(prepared) = timeout(limit, &mut prepared).await {
        return prepared?;
    }
    tracing::error!(
        "the work directory or the deny list cannot be read for {} s; nothing is served until that ends; check their disk \
         or network",
        limit.as_secs()
    );
    prepared.await?
}
