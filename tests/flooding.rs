//! Many idle connections, and SIGTERM under load: every request that was accepted is answered.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, Server, World, eventually, raise_file_limit};

/// The number of idle connections, where the limit on open files allows that many.
const MOST_IDLE: usize = 9_000;
/// Open files of either process that are no idle connections: of the store, and of tests that run at the same time.
const FILES_BESIDE: usize = 400;

/// The time that a stopping server waits for a request that is on its way.
const LINGER: Duration = Duration::from_millis(250);

/// The number of connections that a server says it has.
fn n_connections(server: &Server) -> usize {
    let metrics = server.get("/metrics").body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("http_connections "));
    count.unwrap().parse().unwrap()
}

#[test]
fn lookups_are_answered_beside_as_many_idle_and_half_open_connections_as_files_may_be_open() {
    let world = World::new();
    world.run_quickly(&[]);
    // The server raises its own limit, to the same.
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
    eventually("all are open", || n_connections(&server) == n_before + n_idle);
    look_up();
    // A new connection is served as well.
    assert_eq!(Connection::open(server.address()).unwrap().get("/livez").unwrap().status, 200);
    drop(idle);
    eventually("the server has closed its ends", || n_connections(&server) == n_before);
    look_up();
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
                let mut connection = Connection::open(address).unwrap();
                let mut silent_since = Instant::now();
                loop {
                    let before = Instant::now();
                    let path = "/recommendations?user_id=18&n=10&returnMetadata=true";
                    let Ok(answer) = connection.get(path) else {
                        // A stopping server may close on a client that was silent for that long: this thread was late.
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
        eventually("requests are flowing", || n_answered.load(Ordering::Relaxed) > 10_000);
        stopping.store(true, Ordering::Relaxed);
        assert!(server.terminate().success());
    });
}
