//! Connections, to a scheduler and of all that listen.

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

/// The largest message, as Ballista has it by default.
pub(crate) const MESSAGE: usize = 16 << 20;
/// How long a scheduler may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a silent connection is tried, so that one whose other end is gone without a word breaks.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long an executor waits after a request that reached nobody.
const PAUSE: Duration = Duration::from_millis(500);

/// The scheduler at `HOST:PORT`.
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

/// Listens at an address, for connections that send at once what there is to send. Ballista's scheduler does not ask for
/// that, and each of its answers waits 40 ms for the other side's word that it has the part before; but on Linux a
/// connection has it from the socket that it came to.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        // The port of a predecessor that has just been killed.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| Error::Fatal(format!("cannot listen at {address}: {error}")))
}

/// A connection that takes its time over failures. Ballista's loop asks again, and warns, every 50 ms.
#[derive(Debug, Clone)]
pub(crate) struct Patient(pub(crate) Channel);

impl Service<Request<Body>> for Patient {
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
