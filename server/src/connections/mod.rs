//! Connections: who serves which, how many there may be, how long one may be silent, and how they end.
//!
//! Each worker is a thread with a runtime of its own; a connection is dealt to the worker that has the fewest and stays
//! there. No request ever wakes another thread, which is worth about a tenth of all requests. hyper speaks HTTP/1.1,
//! warp's filter answers.

mod connection;

use std::convert::Infallible;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Incoming;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service;
use warp::http::Request;

use crate::app::App;
use crate::error::{Error, Result};
use connection::{say_busy, serve};

/// Connections beyond the limit that are told so at once. Further ones are closed without a word.
const MOST_TURNED_AWAY: usize = 128;
/// How long one that is turned away may take to read why.
const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// How long connections that wait to be taken are still taken once the server stops.
const LAST_CALL: Duration = Duration::from_millis(200);
/// The pause after the system could not give a connection: it is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What answers requests: warp's filter as a service.
pub(crate) trait Answering:
    Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answering for S where
    S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The threads that serve.
pub(crate) struct Workers {
    workers: Vec<Worker>,
    app: Arc<App>,
    draining: watch::Sender<bool>,
    n_turned_away: Arc<AtomicUsize>,
}

/// One of them.
struct Worker {
    connections: mpsc::UnboundedSender<StdTcpStream>,
    /// How many it has.
    n_open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts threads, each with a service that `service` makes.
    ///
    /// # Errors
    /// [`Error::System`].
    pub(crate) fn start<S: Answering>(app: Arc<App>, service: impl Fn() -> S) -> Result<Self> {
        let request_timeout = app.settings.request_timeout;
        let system = |source| Error::System { action: "start the threads that serve", source };
        let (draining, drain) = watch::channel(false);
        let mut workers = Vec::new();
        for number in 0..app.settings.workers() {
            // One thread beside it for what takes milliseconds: see `routes`.
            let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
            let runtime = runtime.map_err(system)?;
            let (connections, dealt) = mpsc::unbounded_channel();
            let n_open = Arc::new(AtomicUsize::new(0));
            let work = work(
                dealt,
                Open { n: Arc::clone(&n_open), gauge: app.metrics.connections.clone() },
                service(),
                request_timeout,
                drain.clone(),
            );
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            let thread = thread.spawn(move || runtime.block_on(work)).map_err(system)?;
            workers.push(Worker { connections, n_open, thread });
        }
        Ok(Self { workers, app, draining, n_turned_away: Arc::default() })
    }

    /// Takes connections from a listener until `shutdown` is ready, and then those that wait to be taken.
    pub(crate) async fn accept(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => self.take(accepted.map(|(stream, _)| stream)).await,
            }
        }
        tracing::info!("stopping; answering the requests in flight");
        let end = Instant::now() + LAST_CALL;
        while Instant::now() < end
            && let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await
        {
            // A client that has gone away meanwhile is an error of this one, and not of those behind it.
            if let Ok((stream, _)) = accepted {
                self.deal(stream);
            }
        }
    }

    /// Ends all connections once their requests are answered, or after `patience`. Returns whether all have ended.
    pub(crate) async fn drain(self, patience: Duration) -> bool {
        // The workers hold the receivers.
        let _ = self.draining.send(true);
        let threads: Vec<_> = self.workers.into_iter().map(|worker| worker.thread).collect();
        let deadline = Instant::now() + patience;
        while threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
        true
    }

    async fn take(&self, accepted: io::Result<TcpStream>) {
        match accepted {
            Ok(stream) => self.deal(stream),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    /// Hands a connection to the worker that has the fewest.
    fn deal(&self, stream: TcpStream) {
        let n_open = |worker: &Worker| worker.n_open.load(Ordering::Relaxed);
        let n_all: usize = self.workers.iter().map(n_open).sum();
        let Some(worker) = self.workers.iter().min_by_key(|worker| n_open(worker)) else { return };
        if n_all >= self.app.settings.connections() {
            return self.turn_away(stream);
        }
        // It leaves this runtime for the worker's. One that has failed since is no loss.
        if let Ok(stream) = stream.into_std() {
            worker.n_open.fetch_add(1, Ordering::Relaxed);
            self.app.metrics.connections.inc();
            let _ = worker.connections.send(stream);
        }
    }

    /// Says that there are too many connections already.
    fn turn_away(&self, stream: TcpStream) {
        self.app.metrics.turned_away.inc();
        let count = Arc::clone(&self.n_turned_away);
        if count.fetch_add(1, Ordering::Relaxed) < MOST_TURNED_AWAY {
            tokio::spawn(async move {
                let _ = timeout(TURNED_AWAY_TIMEOUT, say_busy(stream)).await;
                count.fetch_sub(1, Ordering::Relaxed);
            });
        } else {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A worker's count of its connections, and that of all.
struct Open {
    n: Arc<AtomicUsize>,
    gauge: Gauge,
}

impl Open {
    fn ended(&self) {
        self.n.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

/// Serves the connections that are dealt to a worker until the server stops and the last has ended.
async fn work<S: Answering>(
    mut dealt: mpsc::UnboundedReceiver<StdTcpStream>,
    open: Open,
    service: S,
    request_timeout: Duration,
    mut drain: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            stream = dealt.recv(), if !stopping || !dealt.is_empty() => match stream.map(TcpStream::from_std) {
                Some(Ok(stream)) => {
                    connections.spawn(serve(stream, service.clone(), request_timeout, drain.clone()));
                }
                Some(Err(_)) => open.ended(),
                None => stopping = true,
            },
            Some(_) = connections.join_next() => open.ended(),
            _ = drain.changed(), if !stopping => stopping = true,
            else => return,
        }
    }
}
