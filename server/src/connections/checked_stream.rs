//! The bytes of a connection, of which hyper reads only requests whose heads have passed the check.
//!
//! Input: a stream. Output: the same stream, read up to the first head that is refused; in its place stands a request that
//! the connection answers with [`Input::refusal`], and then the input ends. Bytes that hyper cannot have yet are held back: the
//! beginning of a head, and requests that a client sends before the answers to those before.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use memchr::memchr_iter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use warp::http::Response;

use super::Limits;
use super::framing::Body;
use super::head::{self, MAX_HEAD_BYTES};
use super::turn::Turn;
use crate::problem::Problem;
use crate::received::Received;

/// The maximum number of bytes that hyper gets at once. It enlarges its buffer, up to the maximum size of a head, as soon as
/// it gets 8 KiB, and keeps it: a connection that sends a body would cost as much as one that sends a long head.
const MAX_PASSED: usize = (8 << 10) - 1;

/// The state that a stream and its connection share.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The answer to the last request, once its head is refused.
    pub(super) refusal: OnceLock<Response<Vec<u8>>>,
    /// Whether the beginning of a head has arrived, while the rest is waited for.
    has_beginning: AtomicBool,
    pub(super) turn: Turn,
}

impl Input {
    pub(super) fn has_beginning(&self) -> bool {
        self.has_beginning.load(Ordering::Relaxed)
    }
}

/// A stream whose requests are checked.
pub(super) struct CheckedStream<S> {
    stream: S,
    requests: Requests,
    /// Bytes that are received and not passed on.
    held: Received,
}

/// The place in the sequence of requests up to which bytes have been passed on.
struct Requests {
    limits: Arc<Limits>,
    /// The bytes of a checked head that are not passed on yet.
    head: usize,
    /// The rest of the body behind it.
    body: Body,
    /// The number of bytes of the next head that have been searched for its end in vain.
    n_searched: usize,
    input: Arc<Input>,
    /// The bytes that are passed on in place of the refused request.
    substitute: &'static [u8],
}

impl<S> CheckedStream<S> {
    pub(super) fn new(stream: S, limits: Arc<Limits>, input: Arc<Input>) -> Self {
        let held = Received::none(Arc::clone(&limits.memory));
        let requests = Requests { limits, head: 0, body: Body::NONE, n_searched: 0, input, substitute: b"" };
        Self { stream, requests, held }
    }

    /// Whether a part of a request has not been passed on.
    pub(super) fn is_mid_request(&self) -> bool {
        !self.held.is_empty() || self.requests.is_mid_request() || self.requests.is_refused()
    }

    /// The stream itself.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Passes on what is held, as far as that is possible and a buffer has less than `limit` bytes. Returns how much.
    fn pass_held(&mut self, buffer: &mut ReadBuf<'_>, limit: usize) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        let n = self.requests.pass(&self.held, limit - buffer.filled().len());
        buffer.put_slice(&self.held[..n]);
        self.held.remove_first(n);
        n
    }

    /// Holds what is filled of a buffer behind the first `end` bytes.
    fn hold(&mut self, buffer: &mut ReadBuf<'_>, end: usize) {
        if let Err(problem) = self.held.extend(&buffer.filled()[end..]) {
            self.requests.refuse(problem, &self.held);
        }
        buffer.set_filled(end);
    }
}

impl Requests {
    fn is_mid_request(&self) -> bool {
        self.head > 0 || !self.body.is_complete()
    }

    fn is_refused(&self) -> bool {
        self.input.refusal.get().is_some()
    }

    /// Returns how many of the first `max` bytes can be passed on, and counts them as passed on. Bytes behind a request wait
    /// for the next call. The beginning of a head cannot be passed on, and no head that is refused.
    fn pass(&mut self, bytes: &[u8], max: usize) -> usize {
        if !self.is_mid_request() && !self.begin(bytes) {
            return 0;
        }
        let bytes = &bytes[..bytes.len().min(max)];
        let of_head = self.head.min(bytes.len());
        self.head -= of_head;
        of_head + self.body.take(&bytes[of_head..])
    }

    /// Begins with the next request. Returns false where its head has not arrived in full or is refused.
    fn begin(&mut self, bytes: &[u8]) -> bool {
        // A head that arrives a few bytes at a time is not parsed each time.
        let is_incomplete = self.n_searched > 0 && !has_end_of_head(bytes, self.n_searched);
        let checked = if is_incomplete && bytes.len() < MAX_HEAD_BYTES {
            Ok(None)
        } else {
            head::check(bytes, &self.limits.hosts, self.limits.max_body)
        };
        self.n_searched = 0;
        match checked {
            Ok(Some((head, body))) => {
                (self.head, self.body) = (head, body);
                return true;
            }
            Ok(None) => self.n_searched = bytes.len(),
            Err(problem) => self.refuse(problem, bytes),
        }
        false
    }

    /// Has the request that begins with some bytes answered with a problem, and ends the input.
    fn refuse(&mut self, problem: Problem, request: &[u8]) {
        self.limits.n_refused.inc();
        let _ = self.input.refusal.set(problem.into_response());
        // Within the body of a request, there is no place for another one: its body ends early.
        if !self.is_mid_request() {
            let is_head = request.trim_ascii_start().starts_with(b"HEAD ");
            // The answer to HEAD has no body.
            self.substitute = if is_head { b"HEAD / HTTP/1.1\r\n\r\n" } else { b"GET / HTTP/1.1\r\n\r\n" };
        }
    }
}

/// Whether an empty line ends a head behind the first bytes, which have been searched.
fn has_end_of_head(bytes: &[u8], n_searched: usize) -> bool {
    let rest = &bytes[n_searched.saturating_sub(2)..];
    memchr_iter(b'\n', rest)
        .any(|at| rest[at + 1..].starts_with(b"\n") || rest[at + 1..].starts_with(b"\r\n"))
}

impl<S: AsyncRead + Unpin> CheckedStream<S> {
    /// Reads what can be passed on.
    fn poll_pass(&mut self, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let begin = out.filled().len();
        let limit = out.capacity().min(begin + MAX_PASSED);
        loop {
            if self.requests.is_refused() {
                // Without a substitute that is the end of the input.
                out.put_slice(std::mem::take(&mut self.requests.substitute));
                return Poll::Ready(Ok(()));
            }
            let n = self.pass_held(out, limit);
            let end = out.filled().len();
            if n > 0 && (!self.held.is_empty() || !self.requests.is_mid_request() || end == limit) {
                return Poll::Ready(Ok(()));
            }
            if self.requests.is_refused() {
                continue;
            }
            // The buffer of hyper is also that of the bytes that are then held.
            match Pin::new(&mut self.stream).poll_read(context, out) {
                Poll::Pending if n > 0 => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let has_beginning = !self.held.is_empty();
                    self.requests.input.has_beginning.store(has_beginning, Ordering::Relaxed);
                    return Poll::Pending;
                }
                Poll::Ready(read) => read?,
            }
            if out.filled().len() == end {
                return Poll::Ready(Ok(()));
            }
            let n =
                if self.held.is_empty() { self.requests.pass(&out.filled()[end..], limit - end) } else { 0 };
            self.hold(out, end + n);
            if n > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CheckedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.requests.input.turn.has_all_bytes() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let begin = out.filled().len();
        let read = this.poll_pass(context, out);
        this.requests.input.turn.count_bytes(out.filled().len() - begin);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CheckedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
