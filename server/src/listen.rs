//! The resources of the operating system: the listening socket, the limit of open files, and the signals that stop the
//! server.

use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Result};

/// The maximum number of connections that wait to be accepted; the system may have a lower one.
const BACKLOG: u32 = 4096;
/// The number of open files that are not connections: those of the store, the runtimes and the log.
const OTHER_FILES: u64 = 64;

/// Binds an address. Must be called within a tokio runtime.
///
/// The listener has `TCP_NODELAY`, which accepted connections inherit on Linux: answers are sent at once instead of after
/// the client's acknowledgment of the one before.
///
/// # Errors
/// [`Error::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait until the old process's connections have timed out.
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|source| Error::Listen { address, source })
}

/// Raises the limit of open files to the maximum that the system allows, because each connection is one. Warns where that
/// is too low for `connections`.
pub fn raise_file_limit(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    // `None` is no limit.
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, ..limit };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let max = limit.current.unwrap_or(u64::MAX);
    if max < connections as u64 + OTHER_FILES {
        tracing::warn!(
            "only {max} files may be open, too few for {connections} connections; raise `ulimit -n` or lower \
             --max-connections"
        );
    }
}

/// Returns a future that waits for SIGTERM or SIGINT. From this call on, neither signal kills the process.
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
