//! Thousands of idle connections, and SIGTERM under load: every request that was accepted is answered.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::client::Connection;
use crate::harness::{World, eventually};

/// Idle connections: as many as a limit on open files of 20,000 lets both sides have.
const N_IDLE: usize = 9_000;
/// What each may cost the server, buffers of the system not counted.
const BYTES_AN_IDLE: u64 = 24 << 10;

#[test]
fn thousands_of_idle_and_half_open_connections_cost_little_and_hold_up_nobody() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let mut client = Connection::open(&server.address()).unwrap();
    let memory = || server.resident_bytes();
    for _ in 0..1000 {
        assert_eq!(client.get("/recommendations?user_id=18").unwrap().status, 200);
    }
    let before = memory();
    let idle: Vec<_> = (0..N_IDLE)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET /livez HTTP/1.1\r\nHost: t").unwrap();
            }
            stream
        })
        .collect();
    eventually("all are open", || {
        server.get("/metrics").body.contains(&format!("http_connections {}", N_IDLE + 2))
    });
    for _ in 0..1000 {
        assert_eq!(client.get("/recommendations?user_id=18").unwrap().status, 200);
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < N_IDLE as u64 * BYTES_AN_IDLE, "{grown} bytes for {N_IDLE} idle connections");
    drop(idle);
    assert!(server.terminate().success());
}

#[test]
fn under_full_load_sigterm_leaves_no_request_without_an_answer() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let address = server.address();
    let (n_answered, stopping) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut connection = Connection::open(&address).unwrap();
                loop {
                    let answer =
                        connection.get("/recommendations?user_id=18&n=10&returnMetadata=true").unwrap();
                    assert_eq!(answer.status, 200);
                    n_answered.fetch_add(1, Ordering::Relaxed);
                    if answer.is_last {
                        assert!(stopping.load(Ordering::Relaxed), "it was told to go before anybody stopped");
                        break;
                    }
                }
            });
        }
        eventually("requests are flowing", || n_answered.load(Ordering::Relaxed) > 10_000);
        stopping.store(true, Ordering::Relaxed);
        assert!(server.terminate().success());
    });
}
