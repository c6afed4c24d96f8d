//! Connections: who serves which, how many there may be, how long one may be silent, and how they end.
//!
//! Each worker is a thread with a runtime of its own; a connection is dealt to the worker that has the fewest and stays
//! there. No request ever wakes another thread, which is worth about a tenth of all requests. hyper speaks HTTP/1.1,
//! warp's filter answers.

use std::convert::Infallible;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower_service::Service;
use warp::http::header::{CONNECTION, HeaderValue};
use warp::http::{Request, Response};

use crate::app::App;
use crate::caching::Preferences;
use crate::error::{Error, Result};
use crate::problem::Problem;

/// The most that a request's line and headers may take, and that is read ahead of requests not yet answered. hyper takes
/// at most 100 headers; asking for another number costs a few per cent of all requests.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long a connection without a request is kept once the server stops: long enough for one that is on its way.
const LINGER: Duration = Duration::from_millis(250);
/// Connections beyond the limit that are told so at once. Further ones are closed without a word.
const MOST_TURNED_AWAY: usize = 128;
/// How long one that is turned away may take to read why.
const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after the system could not give a connection: it is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many there may be.
    pub(crate) connections: usize,
    /// How long one may take to send a whole request, or to take an answer.
    pub(crate) request_timeout: Duration,
}

/// The threads that serve.
pub(crate) struct Workers {
    workers: Vec<Worker>,
    limits: Limits,
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
    pub(crate) fn start<S>(
        n_workers: usize,
        limits: Limits,
        app: Arc<App>,
        service: impl Fn() -> S,
    ) -> Result<Self>
    where
        S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let system = |source| Error::System { action: "start the threads that serve", source };
        let (draining, drain) = watch::channel(false);
        let mut workers = Vec::new();
        for number in 0..n_workers {
            // One thread beside it for what takes milliseconds: see `routes`.
            let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
            let runtime = runtime.map_err(system)?;
            let (connections, dealt) = mpsc::unbounded_channel();
            let n_open = Arc::new(AtomicUsize::new(0));
            let work = work(dealt, Arc::clone(&n_open), service(), limits, drain.clone());
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            let thread = thread.spawn(move || runtime.block_on(work)).map_err(system)?;
            workers.push(Worker { connections, n_open, thread });
        }
        Ok(Self { workers, limits, app, draining, n_turned_away: Arc::default() })
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
        while let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await {
            self.take(accepted.map(|(stream, _)| stream)).await;
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
        self.app.metrics.connections.set(n_all as i64 + 1);
        let Some(worker) = self.workers.iter().min_by_key(|worker| n_open(worker)) else { return };
        if n_all >= self.limits.connections {
            return self.turn_away(stream);
        }
        // It leaves this runtime for the worker's. One that has failed since is no loss.
        if let Ok(stream) = stream.into_std() {
            worker.n_open.fetch_add(1, Ordering::Relaxed);
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

/// Serves the connections that are dealt to a worker until the server stops and the last has ended.
async fn work<S>(
    mut dealt: mpsc::UnboundedReceiver<StdTcpStream>,
    n_open: Arc<AtomicUsize>,
    service: S,
    limits: Limits,
    mut drain: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    let ended = |n: usize| n_open.fetch_sub(n, Ordering::Relaxed);
    let mut stopping = false;
    loop {
        tokio::select! {
            stream = dealt.recv(), if !stopping || !dealt.is_empty() => match stream.map(TcpStream::from_std) {
                Some(Ok(stream)) => {
                    connections.spawn(serve(stream, service.clone(), limits, drain.clone()));
                }
                Some(Err(_)) => drop(ended(1)),
                None => stopping = true,
            },
            Some(_) = connections.join_next() => drop(ended(1)),
            _ = drain.changed(), if !stopping => stopping = true,
            else => return,
        }
    }
}

/// Serves one connection to its end.
async fn serve<S>(stream: TcpStream, service: S, limits: Limits, mut drain: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let begin = Instant::now();
    // A little less for some, so that connections that came together do not end together: ending thousands takes a while.
    let patience = limits.request_timeout.mul_f64(rand::random_range(0.8..1.0));
    let activity = Arc::<Activity>::default();
    let answer = service_fn(|mut request: Request<Incoming>| {
        if let Some(client) = Preferences::of(request.headers()) {
            request.extensions_mut().insert(client);
        }
        let (mut service, activity) = (service.clone(), Arc::clone(&activity));
        async move {
            activity.request();
            let mut response = service.call(request).await?;
            activity.answered(begin);
            if activity.is_last() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // Answers are short: one copy is cheaper than two parts.
    http.max_buf_size(MOST_HEAD_BYTES).writev(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answer));
    let mut deadline = pin!(sleep_until(begin + patience));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return log_end(ended),
            () = deadline.as_mut() => {
                let next = activity.waiting_since(begin).unwrap_or_else(Instant::now) + patience;
                if next <= Instant::now() {
                    // Neither a whole request nor the end of an answer's reading: slow on purpose, or gone.
                    return;
                }
                deadline.as_mut().reset(next);
            }
            _ = drain.changed() => break,
        }
    }
    activity.last();
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended),
        () = sleep(LINGER) => connection.as_mut().graceful_shutdown(),
    }
    log_end(connection.await);
}

/// A client that goes away, or speaks no HTTP, is no news.
fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// What a connection is doing.
#[derive(Debug, Default)]
struct Activity {
    /// Since when its client is waited for, in milliseconds after its beginning, or [`ANSWERING`].
    waiting_since: AtomicU64,
    /// Whether the next answer is its last.
    is_last: AtomicBool,
}

/// A request is being answered.
const ANSWERING: u64 = u64::MAX;

impl Activity {
    fn request(&self) {
        self.waiting_since.store(ANSWERING, Ordering::Relaxed);
    }

    fn answered(&self, begin: Instant) {
        self.waiting_since.store(begin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// `None` while a request is being answered.
    fn waiting_since(&self, begin: Instant) -> Option<Instant> {
        match self.waiting_since.load(Ordering::Relaxed) {
            ANSWERING => None,
            millis => Some(begin + Duration::from_millis(millis)),
        }
    }

    fn last(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    fn is_last(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }
}

/// Answers whatever is asked with 503 and closes.
async fn say_busy(stream: TcpStream) {
    let answer = service_fn(|_: Request<Incoming>| async {
        let mut response: Response<String> =
            Problem::too_many_connections().into_response().map(|body| String::from_utf8_lossy(&body).into());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Ok::<_, Infallible>(response)
    });
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer).await;
}
