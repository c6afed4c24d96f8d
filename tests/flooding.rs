//! Lookups beside many idle connections.

use std::io::Write;
use std::net::TcpStream;

use harness::{Connection, Server, World, eventually, raise_file_limit};

/// The number of idle connections, if the limit on open files allows it.
const MAX_IDLE: usize = 9_000;
/// The number of other open files of either process: of the store, and of tests that run at the same time.
const OTHER_FILES: usize = 400;

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
    let n_idle = raise_file_limit(MAX_IDLE + OTHER_FILES) - OTHER_FILES;
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
