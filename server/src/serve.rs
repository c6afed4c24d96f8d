//! The server's life: from a listening socket to the last answer.

use std::sync::Arc;
use std::time::Duration;

use store::Repository;
use store::local_copy::WorkingCopy;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::App;
use crate::connections::Workers;
use crate::denied;
use crate::error::{Error, Result};
use crate::reload;
use crate::routes::{self, OfWorker};
use crate::settings::Settings;

/// How long a request to a bucket that does not answer is repeated before that is logged. The next look follows anyway.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long putting away the working copy may take at the end; one that is not kept is fetched again.
const PUTTING_AWAY: Duration = Duration::from_secs(4);

/// Serves on a listener until `shutdown` is ready, then answers what is in flight and returns.
///
/// It serves at once: until the first generation is open, lookups are answered with 503. When it returns,
/// the working copy that it served from is kept for the next start, and no other is left. It returns at the latest four
/// seconds after the time that requests in flight have.
///
/// # Errors
/// [`Error::WorkDir`] where no working copy could be made, [`Error::Repository`], [`Error::System`]. Once it serves,
/// nothing but `shutdown` ends it.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // Found out now rather than at the first generation, which may be published at night.
    WorkingCopy::create(&settings.work_dir).map_err(|source| Error::WorkDir { source })?;
    let repository =
        Repository::open(&settings.store, PATIENCE).map_err(|source| Error::Repository { source })?;
    let address =
        listener.local_addr().map_err(|source| Error::System { action: "name the socket", source })?;
    let app = Arc::new(App::new(settings)?);
    let settings = &app.settings;
    let follower = tokio::spawn(reload::follow(Arc::clone(&app), repository));
    let deny_follower = tokio::spawn(denied::follow(Arc::clone(&app)));
    tracing::info!("listening on http://{address}");

    let workers = Workers::start(Arc::clone(&app), || {
        warp::service(routes::filter(Arc::new(OfWorker(Arc::clone(&app)))))
    })?;
    workers.accept(listener, shutdown).await;
    if !workers.drain(settings.drain_timeout).await {
        tracing::warn!("requests are still in flight after {:?}; stopping anyway", settings.drain_timeout);
    }

    deny_follower.abort();
    follower.abort();
    let put_away = async {
        // With it goes what it keeps on disk.
        let _ = follower.await;
        app.current.close().await;
    };
    if timeout(PUTTING_AWAY, put_away).await.is_err() {
        tracing::warn!("the disk is slow to keep the working copy; the next start takes a fetch");
    }
    tracing::info!("stopped");
    Ok(())
}
