//! TCP and HTTP/2 connections to a scheduler, and listeners.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, Result};

/// The maximum size of a message in bytes, Ballista's default.
pub(crate) const MESSAGE: usize = 16 << 20;
/// The timeout of a connection to a scheduler.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The interval of keep-alive messages on an idle connection. They detect a peer that vanished without closing it.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// The pause of an executor after a failed request.
const PAUSE: Duration = Duration::from_millis(500);

/// Returns the endpoint of the scheduler at `HOST:PORT`.
pub(crate) fn endpoint(scheduler: &str) -> Result<Endpoint> {
    let endpoint = Endpoint::from_shared(format!("http://{scheduler}"))
        .map_err(|error| Error::Fatal(format!("`{scheduler}` is not HOST:PORT of a scheduler: {error}")))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEP_ALIVE))
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true))
}

/// Listens at an address with `TCP_NODELAY`. Ballista's scheduler does not set this option, and each of its answers
/// would wait 40 ms for a delayed acknowledgment. On Linux, an accepted connection inherits the option from the
/// listening socket.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        // Allows the port of a process that has just been killed.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| Error::Fatal(format!("cannot listen at {address}: {error}")))
}

/// A channel that pauses after a failed request. Ballista's loop would repeat the request, with a warning, every 50 ms.
#[derive(Debug, Clone)]
pub(crate) struct PausingChannel(pub(crate) Channel);

impl Service<Request<Body>> for PausingChannel {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async {
            let answer = answer.await;
            if answer.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            answer
        })
    }
}
