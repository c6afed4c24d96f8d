//! Connections: their assignment to threads, their maximum number, and their end.
//!
//! Input: a listening socket and a service that answers requests. Each worker is a thread with a runtime of its own; a
//! connection is assigned to the worker that has the fewest, and stays there. No request wakes another thread, which is
//! worth about a tenth of the throughput. `connection` serves one connection: hyper speaks HTTP/1.1, and reads the requests
//! that `checked_stream` lets pass.

mod limits;
mod framing;
mod head;
mod turn;
mod checked_stream;
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
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service;
use warp::http::Request;

use crate::error::{Error, Result};
use crate::metrics::Metrics;
use connection::{answer_busy, serve};
pub(crate) use limits::Limits;

/// The maximum number of connections beyond the limit that are being answered with 503. Further ones are closed without an
/// answer.
const MAX_REJECTING: usize = 128;
/// The time in which a client beyond the limit may read its answer.
const REJECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The time for which waiting connections are still accepted once the server stops.
const LAST_ACCEPT: Duration = Duration::from_millis(200);
/// The pause after a failed accept: the system is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The number of turns of connections after which a thread looks for requests that have arrived on others. With the 61 of
/// tokio, those would wait for 61 parts of bodies.
const EVENT_INTERVAL: u32 = 16;

/// A service that answers requests: warp's filter.
pub(crate) trait RequestService:
    Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> RequestService for S where
    S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The threads that serve connections.
pub(crate) struct Workers {
    workers: Vec<Worker>,
    max_connections: usize,
    /// The connections of all workers.
    n_open: Gauge,
    n_rejected: Counter,
    draining: watch::Sender<bool>,
    n_rejecting: Arc<AtomicUsize>,
}

/// One thread.
struct Worker {
    name: String,
    connections: mpsc::UnboundedSender<StdTcpStream>,
    /// Its number of connections.
    n_open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts the threads, each with its own service.
    ///
    /// # Errors
    /// [`Error::System`].
    pub(crate) fn start<S: RequestService>(
        limits: Limits,
        metrics: &Metrics,
        service: impl Fn() -> S,
    ) -> Result<Self> {
        let limits = Arc::new(limits);
        let system = |source| Error::System { action: "start the threads that serve", source };
        let (draining, drain) = watch::channel(false);
        let mut workers = Vec::new();
        for number in 0..limits.n_workers {
            // With one further thread for computations: see `routes::compute`.
            let mut runtime = runtime::Builder::new_current_thread();
            runtime.enable_all().max_blocking_threads(1).event_interval(EVENT_INTERVAL);
            let runtime = runtime.build().map_err(system)?;
            let (connections, assigned) = mpsc::unbounded_channel();
            let n_open = Arc::new(AtomicUsize::new(0));
            let open = OpenCount { n: Arc::clone(&n_open), gauge: metrics.connections.clone() };
            let work = work(assigned, open, service(), Arc::clone(&limits), drain.clone());
            let name = format!("worker-{number}");
            let thread = thread::Builder::new().name(name.clone());
            let thread = thread.spawn(move || runtime.block_on(work)).map_err(system)?;
            workers.push(Worker { name, connections, n_open, thread });
        }
        Ok(Self {
            workers,
            max_connections: limits.max_connections,
            n_open: metrics.connections.clone(),
            n_rejected: metrics.rejected_connections.clone(),
            draining,
            n_rejecting: Arc::default(),
        })
    }

    /// Accepts connections until `shutdown` is ready, and then those that already wait.
    pub(crate) async fn accept(&mut self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => self.take(accepted.map(|(stream, _)| stream)).await,
            }
        }
        tracing::info!("stopping; answering the requests in flight");
        let end = Instant::now() + LAST_ACCEPT;
        while Instant::now() < end
            && let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await
        {
            // A client that has disconnected meanwhile is an error; the connections behind it are not.
            if let Ok((stream, _)) = accepted {
                self.assign(stream);
            }
        }
    }

    /// Ends all connections once their requests are answered, or after `patience`. Returns whether all have ended.
    pub(crate) async fn drain(self, patience: Duration) -> bool {
        // Fails where no worker is left.
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

    async fn take(&mut self, accepted: io::Result<TcpStream>) {
        match accepted {
            Ok(stream) => self.assign(stream),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    /// Hands a connection to the worker that has the fewest. A worker that has ended is removed, and another is chosen.
    fn assign(&mut self, stream: TcpStream) {
        let n_open = |worker: &Worker| worker.n_open.load(Ordering::Relaxed);
        if self.workers.iter().map(n_open).sum::<usize>() >= self.max_connections {
            return self.reject(stream);
        }
        // The stream leaves this runtime for the worker's. One that has failed since is dropped.
        let Ok(mut stream) = stream.into_std() else { return };
        while let Some((at, worker)) =
            self.workers.iter().enumerate().min_by_key(|(_, worker)| n_open(worker))
        {
            // Before the worker can count the end of the connection.
            worker.n_open.fetch_add(1, Ordering::Relaxed);
            self.n_open.inc();
            match worker.connections.send(stream) {
                Ok(()) => return,
                Err(mpsc::error::SendError(unsent)) => {
                    stream = unsent;
                    let ended = self.workers.swap_remove(at);
                    // This connection, and those that have ended with the worker.
                    self.n_open.dec_by(n_open(&ended) as i64);
                    tracing::error!("{} has ended unexpectedly; {} are left", ended.name, self.workers.len());
                }
            }
        }
        tracing::error!("a connection is closed, because all workers have ended; restart the server");
    }

    /// Answers a connection beyond the limit with 503.
    fn reject(&self, stream: TcpStream) {
        self.n_rejected.inc();
        let count = Arc::clone(&self.n_rejecting);
        if count.fetch_add(1, Ordering::Relaxed) < MAX_REJECTING {
            tokio::spawn(async move {
                let _ = timeout(REJECT_TIMEOUT, answer_busy(stream)).await;
                count.fetch_sub(1, Ordering::Relaxed);
            });
        } else {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The number of a worker's connections, and the gauge of those of all workers.
struct OpenCount {
    n: Arc<AtomicUsize>,
    gauge: Gauge,
}

impl OpenCount {
    fn decrement(&self) {
        self.n.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

/// Serves the connections that are assigned to a worker until the server stops and the last connection has ended.
async fn work<S: RequestService>(
    mut assigned: mpsc::UnboundedReceiver<StdTcpStream>,
    open: OpenCount,
    service: S,
    limits: Arc<Limits>,
    mut drain: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            stream = assigned.recv(), if !stopping || !assigned.is_empty() => match stream.map(TcpStream::from_std) {
                Some(Ok(stream)) => {
                    connections.spawn(serve(stream, service.clone(), Arc::clone(&limits), drain.clone()));
                }
                Some(Err(_)) => open.decrement(),
                None => stopping = true,
            },
            Some(_) = connections.join_next() => open.decrement(),
            _ = drain.changed(), if !stopping => stopping = true,
            else => return,
        }
    }
}

/// Serves a connection that has no other beside it, to its end.
#[cfg(any(test, fuzzing))]
pub(crate) async fn serve_alone(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    service: impl RequestService,
    limits: Limits,
) {
    // The sender is kept, so that there is no drain.
    let (_draining, drain) = watch::channel(false);
    serve(stream, service, Arc::new(limits), drain).await;
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::io::{Read, Write};
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Poll};

    use warp::reply::Response;

    use super::*;
    use crate::hosts::Hosts;
    use crate::received::ReceiveMemory;

    /// Answers everything with 200. The worker that clones it while it `is_broken` panics.
    struct Fragile {
        is_broken: Arc<AtomicBool>,
    }

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.is_broken.swap(false, Ordering::Relaxed), "on purpose");
            Self { is_broken: Arc::clone(&self.is_broken) }
        }
    }

    impl Service<Request<Incoming>> for Fragile {
        type Response = Response;
        type Error = Infallible;
        type Future = Ready<std::result::Result<Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Incoming>) -> Self::Future {
            ready(Ok(Response::default()))
        }
    }

    #[test]
    fn connections_go_to_the_other_workers_once_one_has_ended() {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let limits = Limits {
                n_workers: 2,
                max_connections: 100,
                request_timeout: Duration::from_secs(60),
                hosts: Hosts::all(),
                max_body: 0,
                memory: ReceiveMemory::for_bodies_of(0),
                n_refused: Counter::default(),
            };
            let metrics = Metrics::new(0);
            let is_broken = Arc::new(AtomicBool::new(true));
            let service = || Fragile { is_broken: Arc::clone(&is_broken) };
            let mut workers = Workers::start(limits, &metrics, service).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let connect = || {
                let stream = std::net::TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                stream
            };
            // The first connection ends a worker, and is lost with it.
            let mut lost = connect();
            workers.take(listener.accept().await.map(|(stream, _)| stream)).await;
            assert!(matches!(lost.read(&mut [0]), Ok(0) | Err(_)));
            while !workers.workers.iter().any(|worker| worker.thread.is_finished()) {
                thread::yield_now();
            }
            let mut clients = Vec::new();
            for _ in 0..6 {
                let mut client = connect();
                workers.take(listener.accept().await.map(|(stream, _)| stream)).await;
                client.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
                let mut answer = [0; 12];
                client.read_exact(&mut answer).unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200");
                clients.push(client);
            }
            assert_eq!((workers.workers.len(), metrics.connections.get()), (1, 6));
            assert!(workers.drain(Duration::from_secs(60)).await);
        });
    }
}
