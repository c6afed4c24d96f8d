//! A TCP proxy between a program and an object store, with faults on request.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use harness::eventually;

/// A fault of connections. Each connection carries one request, since the store closes it after the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    None,
    /// Each connection breaks after this number of bytes of the answer.
    CutAfter(u64),
    /// The n-th connection from now on is reset before the request is read.
    Reset(u64),
    /// The n-th connection from now on breaks before the answer, after the store has carried out the request.
    Lost(u64),
}

/// The point at which requests wait until they are released, or their connections are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hold {
    Nowhere,
    /// After this number of bytes of requests, counted from now on.
    After(u64),
    /// Before a request with this method, to a path with this ending.
    Before(&'static str, &'static str),
}

/// A proxy. Its port stays the same when the store is restarted on another port.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<ProxyState>,
    acceptor: Option<JoinHandle<()>>,
}

struct ProxyState {
    /// The port of the store.
    store_port: AtomicU16,
    closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    n_connections: AtomicU64,
    hold: Mutex<HoldState>,
    fault: Mutex<Fault>,
}

/// The point at which requests wait, and whether a request waits.
struct HoldState {
    hold: Hold,
    n_passed: u64,
    is_holding: bool,
}

impl Proxy {
    pub(crate) fn to(store_port: u16) -> Self {
        let state = Arc::new(ProxyState {
            store_port: AtomicU16::new(store_port),
            closed: AtomicBool::new(true),
            connections: Mutex::default(),
            n_connections: AtomicU64::new(0),
            hold: Mutex::new(HoldState { hold: Hold::Nowhere, n_passed: 0, is_holding: false }),
            fault: Mutex::new(Fault::None),
        });
        let mut proxy = Self { port: 0, state, acceptor: None };
        proxy.open(store_port);
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Accepts connections again, on the same port as before, and connects them to the store at `store_port`.
    pub(crate) fn open(&mut self, store_port: u16) {
        let mut listener = None;
        eventually("the port is free", || {
            listener = TcpListener::bind(("127.0.0.1", self.port)).ok();
            listener.is_some()
        });
        let listener = listener.unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.state.store_port.store(store_port, Ordering::SeqCst);
        self.state.closed.store(false, Ordering::SeqCst);
        let state = Arc::clone(&self.state);
        self.acceptor = Some(thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if state.closed.load(Ordering::SeqCst) {
                    break;
                }
                state.carry(client);
            }
        }));
    }

    /// Breaks the open connections and stops to listen, so that the system refuses new ones.
    pub(crate) fn close(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            // Ends its wait for a connection.
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            acceptor.join().unwrap();
        }
        self.cut();
    }

    /// Breaks the open connections and releases all requests.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            // It may have ended.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.hold(Hold::Nowhere);
    }

    /// The number of connections since [`Proxy::set_fault`].
    pub(crate) fn n_connections(&self) -> u64 {
        self.state.n_connections.load(Ordering::SeqCst)
    }

    /// Sets the point at which requests wait from now on, and releases the requests that wait.
    pub(crate) fn hold(&self, hold: Hold) {
        *self.state.hold.lock().unwrap() = HoldState { hold, n_passed: 0, is_holding: false };
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.state.hold.lock().unwrap().is_holding
    }

    /// Sets the fault of connections from now on.
    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.state.fault.lock().unwrap() = fault;
        self.state.n_connections.store(0, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

impl ProxyState {
    /// Copies requests to the store and answers to the client, each in a thread.
    fn carry(self: &Arc<Self>, client: TcpStream) {
        let n = self.n_connections.fetch_add(1, Ordering::SeqCst) + 1;
        let mut left = match *self.fault.lock().unwrap() {
            Fault::CutAfter(n_bytes) => n_bytes,
            Fault::Lost(nth) if n == nth => 0,
            Fault::Reset(nth) if n == nth => {
                // To close a socket with unread bytes resets the connection.
                let _ = client.peek(&mut [0]);
                return;
            }
            _ => u64::MAX,
        };
        let address = SocketAddr::from(([127, 0, 0, 1], self.store_port.load(Ordering::SeqCst)));
        let Ok(store) = TcpStream::connect(address) else { return };
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        {
            let mut connections = self.connections.lock().unwrap();
            connections.retain(|connection| connection.peer_addr().is_ok());
            connections.extend([clone(&client), clone(&store)]);
        }
        let (state, from, to) = (Arc::clone(self), clone(&client), clone(&store));
        thread::spawn(move || copy(from, to, |bytes| state.wait_to_pass(bytes)));
        thread::spawn(move || {
            copy(store, client, |bytes| {
                let n_bytes = left.min(bytes.len() as u64);
                left -= n_bytes;
                n_bytes
            })
        });
    }

    /// Waits until bytes of a request may pass. Returns their number.
    fn wait_to_pass(&self, bytes: &[u8]) -> u64 {
        loop {
            let mut hold = self.hold.lock().unwrap();
            let may_pass = match hold.hold {
                Hold::After(n_bytes) => n_bytes - hold.n_passed,
                Hold::Before(method, path) if is_request(bytes, method, path) => 0,
                Hold::Nowhere | Hold::Before(..) => u64::MAX,
            };
            let n_bytes = may_pass.min(bytes.len() as u64);
            hold.n_passed += n_bytes;
            if n_bytes > 0 {
                return n_bytes;
            }
            hold.is_holding = true;
            drop(hold);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether `bytes` begin a request with a method, to a path with an ending.
fn is_request(bytes: &[u8], method: &str, path: &str) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap();
    let mut words = line.split(|&byte| byte == b' ');
    words.next() == Some(method.as_bytes())
        && words.next().is_some_and(|given| given.ends_with(path.as_bytes()))
}

/// Copies bytes until a connection ends or `n_allowed` returns 0, then ends both connections.
fn copy(mut from: TcpStream, mut to: TcpStream, mut n_allowed: impl FnMut(&[u8]) -> u64) {
    let mut chunk = vec![0; 64 << 10];
    'ends: while let Ok(n @ 1..) = from.read(&mut chunk) {
        let mut rest = &chunk[..n];
        while !rest.is_empty() {
            let n_bytes = n_allowed(rest) as usize;
            if n_bytes == 0 || to.write_all(&rest[..n_bytes]).is_err() {
                break 'ends;
            }
            rest = &rest[n_bytes..];
        }
    }
    for stream in [from, to] {
        // The other thread may have done so already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
