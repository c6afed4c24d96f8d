//! One connection, from its first request to its end.
//!
//! Input: a stream and a service. It sets the time limits of a connection, attaches the client's cache headers to each
//! request, and has requests with refused heads answered. Which connection goes to which thread is decided in
//! `connections`.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use warp::http::header::{CONNECTION, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use warp::http::{Request, Response};
use warp::reply::Reply;

use super::checked_stream::{CheckedStream, Input};
use super::head::MAX_HEAD_BYTES;
use super::{Limits, RequestService};
use crate::caching::Preferences;
use crate::problem::Problem;

/// The time for which a connection without a request is kept once the server stops, for a request that is on its way.
const LINGER: Duration = Duration::from_millis(250);
/// The time for which a client may go on sending once its last answer is sent.
const LAST_READ: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
pub(super) async fn serve<S: RequestService>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    service: S,
    limits: Arc<Limits>,
    drain: watch::Receiver<bool>,
) {
    let (request_timeout, input) = (limits.request_timeout, Arc::<Input>::default());
    let mut stream = CheckedStream::new(stream, limits, Arc::clone(&input));
    if answer_all(&mut stream, service, request_timeout, input, drain).await {
        let is_mid_request = stream.is_mid_request();
        read_rest(stream.into_inner(), is_mid_request).await;
    }
}

/// Answers the requests of a connection. `request_timeout` is the time in which the client has to send a whole request, and
/// that in which it has to receive an answer. Returns false for a client that was too slow.
async fn answer_all<S: RequestService>(
    stream: &mut CheckedStream<impl AsyncRead + AsyncWrite + Unpin>,
    service: S,
    request_timeout: Duration,
    input: Arc<Input>,
    mut drain: watch::Receiver<bool>,
) -> bool {
    let begin = Instant::now();
    // Somewhat less for some, so that connections that began together do not all end together: ending thousands takes time.
    let patience = request_timeout.mul_f64(rand::random_range(0.8..1.0));
    let activity = Arc::<Activity>::default();
    let answer = service_fn(|mut request: Request<Incoming>| {
        // Here, because warp's filter for all headers would clone them.
        if let Some(client) = Preferences::of(request.headers()) {
            request.extensions_mut().insert(client);
        }
        let (mut service, activity, input) = (service.clone(), Arc::clone(&activity), Arc::clone(&input));
        async move {
            activity.begin_request();
            if input.turn.has_answered() {
                yield_now().await;
            }
            let mut response = match input.refusal.get() {
                None => service.call(request).await?,
                Some(refusal) => Reply::into_response(refusal.clone()),
            };
            activity.end_request(begin);
            input.turn.set_answered();
            complete(response.headers_mut(), activity.is_last() || input.refusal.get().is_some());
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // Answers are short: one copy is cheaper than two parts. A client may close its sending side before it has the answers.
    http.max_buf_size(MAX_HEAD_BYTES).writev(false).half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answer));
    let mut deadline = pin!(sleep_until(begin + patience));
    loop {
        tokio::select! {
            biased;
            ended = input.turn.run(connection.as_mut()) => {
                log_end(ended);
                return true;
            }
            () = deadline.as_mut() => {
                let next = activity.waiting_since(begin).unwrap_or_else(Instant::now) + patience;
                if next <= Instant::now() {
                    // The client has neither sent a whole request nor received a whole answer in time.
                    return false;
                }
                deadline.as_mut().reset(next);
            }
            // The drain may have begun before: some of the connections that are accepted last are assigned after it.
            _ = drain.wait_for(|is_draining| *is_draining) => break,
        }
    }
    activity.set_last();
    tokio::select! {
        biased; // A request that has arrived is answered, however late this thread reads it.
        ended = input.turn.run(connection.as_mut()) => {
            log_end(ended);
            return true;
        }
        () = sleep(LINGER) => if !input.has_beginning() {
            connection.as_mut().graceful_shutdown();
        }
    }
    log_end(input.turn.run(connection).await);
    true
}

/// Reads what a client goes on sending after its last answer. If bytes were left unread, the system would reset the
/// connection, and the client might lose the answer.
async fn read_rest(mut stream: impl AsyncRead + Unpin, is_mid_request: bool) {
    let mut bytes = [0; 1024];
    let at_once = timeout(Duration::ZERO, stream.read(&mut bytes)).await;
    let sends_on = match at_once {
        Ok(Ok(n)) => n > 0,
        Ok(Err(_)) => false,
        Err(_) => is_mid_request,
    };
    if sends_on {
        let _ =
            timeout(LAST_READ, async { while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {} }).await;
    }
}

/// Completes the headers of an answer.
fn complete(headers: &mut HeaderMap, is_last: bool) {
    // No browser is to guess another type, such as that of a script.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// A client that disconnects, or does not speak HTTP, is not worth a warning.
fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// The state of a connection's requests.
#[derive(Debug, Default)]
struct Activity {
    /// The beginning of the wait for the client, in milliseconds after the connection's, or [`ANSWERING`].
    waiting_since: AtomicU64,
    /// Whether the next answer is the last.
    is_last: AtomicBool,
}

/// The value while a request is being answered.
const ANSWERING: u64 = u64::MAX;

impl Activity {
    fn begin_request(&self) {
        self.waiting_since.store(ANSWERING, Ordering::Relaxed);
    }

    fn end_request(&self, begin: Instant) {
        self.waiting_since.store(begin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// The beginning of the wait for the client; `None` while a request is being answered.
    fn waiting_since(&self, begin: Instant) -> Option<Instant> {
        match self.waiting_since.load(Ordering::Relaxed) {
            ANSWERING => None,
            millis => Some(begin + Duration::from_millis(millis)),
        }
    }

    fn set_last(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    fn is_last(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }
}

/// Answers any request with 503 and closes the connection.
pub(super) async fn answer_busy(mut stream: TcpStream) {
    let answer = service_fn(|_: Request<Incoming>| async {
        let mut response: Response<_> = Reply::into_response(Problem::too_many_connections().into_response());
        complete(response.headers_mut(), true);
        Ok::<_, Infallible>(response)
    });
    let mut http = http1::Builder::new();
    let _ = http.keep_alive(false).half_close(true).serve_connection(TokioIo::new(&mut stream), answer).await;
    read_rest(stream, false).await;
}
