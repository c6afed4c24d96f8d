//! What the server asks of the operating system: a listening socket, room for its connections, and notice that it should
//! stop.

use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Result};

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4096;
/// Open files that are no connections: of the store, the runtimes and the log.
const FILES_BESIDE: u64 = 64;

/// Binds an address. Must be called within a tokio runtime.
///
/// The listener has `TCP_NODELAY`, and Linux hands it on to the connections: answers leave at once
/// instead of waiting for the client to acknowledge the one before. warp accepts by itself and offers no
/// place to set it on each connection.
///
/// # Errors
/// [`Error::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the last process's connections to time out.
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|source| Error::Listen { address, source })
}

/// Asks for as many open files as the system allows, for each connection is one. Says so where that is too few for
/// `connections`.
pub fn make_room_for(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    // No limit at all is `None`.
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, ..limit };
        if setrlimit(Resource::Nofile, raised.clone()).is_ok() {
            limit = raised;
        }
    }
    let most = limit.current.unwrap_or(u64::MAX);
    if most < connections as u64 + FILES_BESIDE {
        tracing::warn!(
            "only {most} files may be open, too few for {connections} connections: raise `ulimit -n`, or lower \
             --max-connections"
        );
    }
}

/// Waits for SIGTERM or SIGINT. From this call on, not only from the first poll, neither kills the process.
///
/// # Errors
/// [`Error::System`] where the signals cannot be caught.
pub fn termination() -> Result<impl Future<Output = ()> + Send + 'static> {
    let catch = |kind| signal(kind).map_err(|source| Error::System { action: "catch signals", source });
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn accepted_connections_do_not_delay_small_answers() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(accepted.nodelay().unwrap());
    }

    #[tokio::test]
    async fn an_address_in_use_is_named_in_the_error() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let error = listen(address).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
    }
}
