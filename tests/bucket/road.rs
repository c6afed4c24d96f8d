//! The road from a program to an object store: a TCP proxy on which things can happen.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use harness::eventually;

/// A fault of connections. Each connection carries one request, for the store closes it after the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    None,
    /// Each breaks once so many bytes of the answer have come back.
    CutAfter(u64),
    /// The n-th from now on is reset before the request is read.
    Reset(u64),
    /// The n-th from now on breaks before the answer comes back: the store has carried out the request.
    Lost(u64),
}

/// The point at which requests wait until they are released, or the road is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hold {
    Nowhere,
    /// After so many bytes of requests, counted from now on.
    After(u64),
    /// Before one with such a method, to a path that ends like this.
    Before(&'static str, &'static str),
}

/// A road. Programs keep its port for as long as it is there, whatever becomes of the store at its end.
pub(crate) struct Road {
    port: u16,
    traffic: Arc<Traffic>,
    gatekeeper: Option<JoinHandle<()>>,
}

struct Traffic {
    /// The store's port; it may come back on another.
    end: AtomicU16,
    closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    n_connections: AtomicU64,
    gate: Mutex<Gate>,
    trouble: Mutex<Trouble>,
}

/// The point at which requests wait, and whether any does.
struct Gate {
    hold: Hold,
    n_passed: u64,
    is_holding: bool,
}

impl Road {
    pub(crate) fn to(end: u16) -> Self {
        let traffic = Arc::new(Traffic {
            end: AtomicU16::new(end),
            closed: AtomicBool::new(true),
            connections: Mutex::default(),
            n_connections: AtomicU64::new(0),
            gate: Mutex::new(Gate { hold: Hold::Nowhere, n_passed: 0, is_holding: false }),
            trouble: Mutex::new(Trouble::None),
        });
        let mut road = Self { port: 0, traffic, gatekeeper: None };
        road.open(end);
        road
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets connections through again, on the same port as ever.
    pub(crate) fn open(&mut self, end: u16) {
        let mut listener = None;
        eventually("the port is free", || {
            listener = TcpListener::bind(("127.0.0.1", self.port)).ok();
            listener.is_some()
        });
        let listener = listener.unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.traffic.end.store(end, Ordering::SeqCst);
        self.traffic.closed.store(false, Ordering::SeqCst);
        let traffic = Arc::clone(&self.traffic);
        self.gatekeeper = Some(thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if traffic.closed.load(Ordering::SeqCst) {
                    break;
                }
                traffic.carry(client);
            }
        }));
    }

    /// Refuses new connections, as the system does where no process listens, and breaks the open ones.
    pub(crate) fn close(&mut self) {
        self.traffic.closed.store(true, Ordering::SeqCst);
        if let Some(gatekeeper) = self.gatekeeper.take() {
            // Wakes it.
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            gatekeeper.join().unwrap();
        }
        self.cut();
    }

    /// Breaks the connections that there are, and holds none any more.
    pub(crate) fn cut(&self) {
        for connection in self.traffic.connections.lock().unwrap().drain(..) {
            // It may have ended.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.hold(Hold::Nowhere);
    }

    /// The number of connections since the trouble was chosen.
    pub(crate) fn n_connections(&self) -> u64 {
        self.traffic.n_connections.load(Ordering::SeqCst)
    }

    /// Chooses where requests wait from now on; those that wait go on.
    pub(crate) fn hold(&self, hold: Hold) {
        *self.traffic.gate.lock().unwrap() = Gate { hold, n_passed: 0, is_holding: false };
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.traffic.gate.lock().unwrap().is_holding
    }

    /// Chooses what happens to connections from now on.
    pub(crate) fn set_trouble(&self, trouble: Trouble) {
        *self.traffic.trouble.lock().unwrap() = trouble;
        self.traffic.n_connections.store(0, Ordering::SeqCst);
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.close();
    }
}

impl Traffic {
    /// Carries requests one way and answers the other, in threads of their own.
    fn carry(self: &Arc<Self>, client: TcpStream) {
        let n = self.n_connections.fetch_add(1, Ordering::SeqCst) + 1;
        let mut left = match *self.trouble.lock().unwrap() {
            Trouble::CutAfter(n_bytes) => n_bytes,
            Trouble::Lost(nth) if n == nth => 0,
            Trouble::Reset(nth) if n == nth => {
                // Bytes that are there and were never read make a reset of the end.
                let _ = client.peek(&mut [0]);
                return;
            }
            _ => u64::MAX,
        };
        let end = SocketAddr::from(([127, 0, 0, 1], self.end.load(Ordering::SeqCst)));
        let Ok(store) = TcpStream::connect(end) else { return };
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        {
            let mut connections = self.connections.lock().unwrap();
            connections.retain(|connection| connection.peer_addr().is_ok());
            connections.extend([clone(&client), clone(&store)]);
        }
        let (traffic, from, to) = (Arc::clone(self), clone(&client), clone(&store));
        thread::spawn(move || copy(from, to, |bytes| traffic.let_pass(bytes)));
        thread::spawn(move || {
            copy(store, client, |bytes| {
                let n_bytes = left.min(bytes.len() as u64);
                left -= n_bytes;
                n_bytes
            })
        });
    }

    /// Waits until some bytes of a request may pass: how many.
    fn let_pass(&self, bytes: &[u8]) -> u64 {
        loop {
            let mut gate = self.gate.lock().unwrap();
            let may_pass = match gate.hold {
                Hold::After(n_bytes) => n_bytes - gate.n_passed,
                Hold::Before(method, path) if is_request(bytes, method, path) => 0,
                Hold::Nowhere | Hold::Before(..) => u64::MAX,
            };
            let n_bytes = may_pass.min(bytes.len() as u64);
            gate.n_passed += n_bytes;
            if n_bytes > 0 {
                return n_bytes;
            }
            gate.is_holding = true;
            drop(gate);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether bytes begin a request of a method for a path with an ending.
fn is_request(bytes: &[u8], method: &str, path: &str) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap();
    let mut words = line.split(|&byte| byte == b' ');
    words.next() == Some(method.as_bytes())
        && words.next().is_some_and(|given| given.ends_with(path.as_bytes()))
}

/// Copies bytes until either side ends, or no more are let through; then both have ended.
fn copy(mut from: TcpStream, mut to: TcpStream, mut let_pass: impl FnMut(&[u8]) -> u64) {
    let mut chunk = vec![0; 64 << 10];
    'ends: while let Ok(n @ 1..) = from.read(&mut chunk) {
        let mut rest = &chunk[..n];
        while !rest.is_empty() {
            let n_bytes = let_pass(rest) as usize;
            if n_bytes == 0 || to.write_all(&rest[..n_bytes]).is_err() {
                break 'ends;
            }
            rest = &rest[n_bytes..];
        }
    }
    for stream in [from, to] {
        // The other direction may have done so.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
