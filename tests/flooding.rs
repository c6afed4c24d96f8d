//! Many idle connections, and SIGTERM under load: every request that was accepted is answered.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, Server, World, eventually, raise_file_limit};

/// The number of idle connections, if the limit on open files allows it.
const MOST_IDLE: usize = 9_000;
/// The number of other open files of either process: of the store, and of tests that run at the same time.
const FILES_BESIDE: usize = 400;

/// The time for which a stopping server keeps a silent connection open.
const LINGER: Duration = Duration::from_millis(250);

/// The number of connections in the server's metrics.
fn n_connections(server: &Server) -> usize {
    let metrics = server.get("/metrics").body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("http_connections "));
    count.unwrap().parse().unwrap()
}

#[test]
fn lookups_are_answered_beside_the_maximum_number_of_idle_connections() {
    let world = World::new();
    world.run_quickly(&[]);
    // The server raises its own limit to the same number.
    let n_idle = raise_file_limit(MOST_IDLE + FILES_BESIDE) - FILES_BESIDE;
    let server = world.serve_when_ready();
    let mut client = Connection::open(server.address()).unwrap();
    let mut look_up = || {
        for _ in 0..1000 {
            let answer = client.get("/recommendations?user_id=18").unwrap();
            assert_eq!((answer.status, answer.body.is_empty()), (200, false));
        }
    };
    look_up();
    let n_before = n_connections(&server);
    let idle: Vec<_> = (0..n_idle)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET /livez HTTP/1.1\r\nHost: t").unwrap();
            }
            stream
        })
        .collect();
    eventually("all connections are open", || n_connections(&server) == n_before + n_idle);
    look_up();
    // A new connection is served as well.
    assert_eq!(Connection::open(server.address()).unwrap().get("/livez").unwrap().status, 200);
    drop(idle);
    eventually("the server has closed the connections", || n_connections(&server) == n_before);
    look_up();
    assert!(server.terminate().success());
}

#[test]
fn every_accepted_request_is_answered_after_sigterm_under_full_load() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let address = server.address();
    let (n_answered, stopping) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut connection = Connection::open(address).unwrap();
                let mut silent_since = Instant::now();
                loop {
                    let before = Instant::now();
                    let path = "/recommendations?user_id=18&n=10&returnMetadata=true";
                    let Ok(answer) = connection.get(path) else {
                        // A stopping server may close a connection that was silent for this time.
                        assert!(stopping.load(Ordering::Relaxed) && silent_since.elapsed() >= LINGER);
                        break;
                    };
                    silent_since = before;
                    assert_eq!(answer.status, 200);
                    n_answered.fetch_add(1, Ordering::Relaxed);
                    if answer.is_last {
                        assert!(stopping.load(Ordering::Relaxed), "closed before the server was stopped");
                        break;
                    }
                }
            });
        }
        eventually("the server is under load", || n_answered.load(Ordering::Relaxed) > 10_000);
        stopping.store(true, Ordering::Relaxed);
        assert!(server.terminate().success());
    });
}
