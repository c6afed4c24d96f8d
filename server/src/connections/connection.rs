//! One connection, from its first request to its end.

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

use super::Answering;
use crate::caching::Preferences;
use crate::problem::Problem;

/// The most that a request's line and headers may take, and that is read ahead of requests not yet answered. hyper takes
/// at most 100 headers; asking for another number costs a few per cent of all requests.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long a connection without a request is kept once the server stops: long enough for one that is on its way.
const LINGER: Duration = Duration::from_millis(250);

/// Serves one connection to its end. `request_timeout` is how long its client may take to send a whole request, or to
/// take an answer.
pub(super) async fn serve<S: Answering>(
    stream: TcpStream,
    service: S,
    request_timeout: Duration,
    mut drain: watch::Receiver<bool>,
) {
    let begin = Instant::now();
    // A little less for some, so that connections that came together do not end together: ending thousands takes a while.
    let patience = request_timeout.mul_f64(rand::random_range(0.8..1.0));
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
            // It may have begun already: of connections taken at the last call, some are dealt after it has.
            _ = drain.wait_for(|is_draining| *is_draining) => break,
        }
    }
    activity.last();
    tokio::select! {
        biased; // A request that has come is answered, however late this thread gets to it.
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
pub(super) async fn say_busy(stream: TcpStream) {
    let answer = service_fn(|_: Request<Incoming>| async {
        let mut response = Reply::into_response(Problem::too_many_connections().into_response());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Ok::<_, Infallible>(response)
    });
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer).await;
}
