//! One connection, from its first request to its end.
//!
//! Input: a stream and a service. It sets the time limits of a connection, attaches the client's cache headers to each
//! request, and refuses requests without a path. Which connection goes to which thread is decided in `connections`.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use warp::http::Request;
use warp::http::header::{CONNECTION, HeaderValue};
use warp::reply::Reply;

use super::RequestService;
use crate::caching::Preferences;
use crate::problem::Problem;

/// The maximum size of a request's line and headers, and of the bytes that are read ahead of unanswered requests. hyper
/// takes at most 100 headers; another number would cost a few per cent of the throughput.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// The time for which a connection without a request is kept once the server stops, for a request that is on its way.
const LINGER: Duration = Duration::from_millis(250);

/// Serves one connection to its end. `request_timeout` is the time in which the client has to send a whole request, and
/// that in which it has to receive an answer.
pub(super) async fn serve<S: RequestService>(
    stream: TcpStream,
    service: S,
    request_timeout: Duration,
    mut drain: watch::Receiver<bool>,
) {
    let begin = Instant::now();
    // Somewhat less for some, so that connections that began together do not all end together: ending thousands takes time.
    let patience = request_timeout.mul_f64(rand::random_range(0.8..1.0));
    let activity = Arc::<Activity>::default();
    let answer = service_fn(|mut request: Request<Incoming>| {
        // Here, because warp's filter for all headers would clone them.
        if let Some(client) = Preferences::of(request.headers()) {
            request.extensions_mut().insert(client);
        }
        let (mut service, activity) = (service.clone(), Arc::clone(&activity));
        async move {
            activity.begin_request();
            // warp's filters panic without a path.
            let mut response = if request.uri().path_and_query().is_some() {
                service.call(request).await?
            } else {
                Reply::into_response(Problem::no_path().into_response())
            };
            activity.end_request(begin);
            if activity.is_last() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // Answers are short: one copy is cheaper than two parts.
    http.max_buf_size(MAX_HEAD_BYTES).writev(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answer));
    let mut deadline = pin!(sleep_until(begin + patience));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return log_end(ended),
            () = deadline.as_mut() => {
                let next = activity.waiting_since(begin).unwrap_or_else(Instant::now) + patience;
                if next <= Instant::now() {
                    // The client has neither sent a whole request nor received a whole answer in time.
                    return;
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
        ended = connection.as_mut() => return log_end(ended),
        () = sleep(LINGER) => connection.as_mut().graceful_shutdown(),
    }
    log_end(connection.await);
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
pub(super) async fn answer_busy(stream: TcpStream) {
    let answer = service_fn(|_: Request<Incoming>| async {
        let mut response = Reply::into_response(Problem::too_many_connections().into_response());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Ok::<_, Infallible>(response)
    });
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer).await;
}
