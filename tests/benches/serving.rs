//! Requests a second and latency beside a bare warp route that returns a constant of the same size, by the same client
//! in the same run; then fold-ins, and lookups beside ten thousand idle connections. The arguments are the number of users,
//! the seconds of each measurement, the number of movies, how many requests the client draws (and repeats), and the
//! server's `--cache-mib`.
//!
//! ```text
//! cargo build --release && cargo bench -p end-to-end --bench serving -- 600 5
//! ```
//!
//! The client is wrk, which must be installed; where nginx is, it serves the same constant from a file. All share the
//! processors. Every figure is the median of several measurements, taken in turns with those of the constant.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

mod generation;

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Ended, Server, World, eventually, program, raise_file_limit};
use rand::RngExt;
use warp::Filter;

use generation::{N_MOVIES, arguments, number, write_generation};

/// The allocator of the server, so that both programs use the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: [usize; 3] = [1, 32, 256];
const ROUNDS: usize = 5;
/// The default number of random requests of a client.
const N_REQUESTS: u32 = 20_000;
/// The minimum of requests a second while records are read for the first time.
const SLOWEST: u32 = 25_000;
/// The argument that makes this program the server of a constant.
const CONSTANT: &str = "serve-a-constant-of";

fn main() {
    let arguments = arguments();
    if let [word, n] = arguments.as_slice()
        && word == CONSTANT
    {
        return serve_a_constant(n.parse().unwrap());
    }
    let (n_users, seconds) = (number(&arguments, 0, 600), number(&arguments, 1, 5));
    let n_movies = number(&arguments, 2, N_MOVIES);
    let (n_requests, cache_mib) = (number(&arguments, 3, N_REQUESTS), number(&arguments, 4, 256));
    assert!(is_installed("wrk"), "wrk is not installed");

    let world = World::new();
    world.publish(&write_generation(&world.output(), n_users, n_movies));
    let (server, started) = serve(&world, cache_mib);
    println!(
        "{n_users} users, {n_movies} movies, {n_requests} requests, --cache-mib {cache_mib}; ready {:.2} s after the start\n",
        started.as_secs_f64()
    );
    let routes = [
        ("/recommendations", "/recommendations?user_id=", ""),
        ("with metadata", "/recommendations?user_id=", "&returnMetadata=true"),
        ("/features", "/features?user_id=", ""),
    ];
    println!("| route | connections | requests/s | p50 ms | p99 ms | to the constant: requests/s | p99 |");
    println!("|---|---|---|---|---|---|---|");
    for (name, head, tail) in routes {
        let script = world.write("requests.lua", lookups(head, tail, n_users, n_requests));
        let body = server.get(&format!("{head}{}{tail}", rand::rng().random_range(0..n_users))).body;
        let constant = start_constant(body.len());
        warm_up(&server, &script, n_requests);
        for n_connections in CONNECTIONS {
            compare(name, &server, &constant, &script, n_connections, seconds);
        }
        if name == "/recommendations" && is_installed("nginx") {
            let nginx = Nginx::start(&world, &body);
            for n_connections in CONNECTIONS {
                compare_address("nginx, a file", nginx.address, &constant, &script, n_connections, seconds);
            }
        }
    }
    println!(
        "\n| POST /recommendations | connections | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|"
    );
    for n_ratings in [1, 20, 200] {
        let bodies: Vec<_> = (0..1000).map(|_| ratings(n_ratings, n_movies)).collect();
        let script = world.write("requests.lua", fold_ins(&bodies));
        warm_up(&server, &script, 1000);
        for n_connections in [1, 32] {
            let Measured { per_second, p50, p99 } = wrk(server.address(), &script, n_connections, seconds);
            println!("| {n_ratings} ratings | {n_connections} | {per_second:.0} | {p50:.2} | {p99:.2} |");
        }
    }
    println!("\nresident memory of the server: {} MiB", server.resident_bytes() >> 20);
    beside_idle_connections(&world, &server, n_users, seconds);
    assert!(server.log().lines().all(|line| !line.contains("ERROR")), "{}", server.log());
}

/// Measures lookups while most connections are idle or have sent half a request.
fn beside_idle_connections(world: &World, server: &Server, n_users: u32, seconds: u32) {
    const N_IDLE: usize = 10_000;

    let n_files = N_IDLE + 100;
    assert_eq!(raise_file_limit(n_files), n_files, "the hard limit on open files is too low");
    let lookups = lookups("/recommendations?user_id=", "", n_users, N_REQUESTS);
    let script = world.write("requests.lua", lookups);
    warm_up(server, &script, N_REQUESTS);
    println!("\n| beside connections | requests/s | p50 ms | p99 ms | resident MiB |\n|---|---|---|---|---|");
    let mut idle = Vec::new();
    for (what, n) in [("none", 0), ("idle", N_IDLE / 2), ("idle and half-open", N_IDLE)] {
        while idle.len() < n {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            if idle.len() >= N_IDLE / 2 {
                stream.write_all(b"GET /recommendations?user_id=1 HTTP/1.1\r\nHost: t\r\n").unwrap();
            }
            idle.push(stream);
        }
        // The connection phase is not measured.
        thread::sleep(Duration::from_secs(2));
        let Measured { per_second, p50, p99 } = wrk(server.address(), &script, 32, seconds);
        println!(
            "| {n} {what} | {per_second:.0} | {p50:.2} | {p99:.2} | {} |",
            server.resident_bytes() >> 20
        );
    }
}

/// Starts the server under test. Returns it with the time until it had opened the generation.
fn serve(world: &World, cache_mib: u32) -> (Server, Duration) {
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path("work"));
    command.args(["--listen", "127.0.0.1:0", "--cache-mib", &cache_mib.to_string()]);
    let begin = Instant::now();
    let server = Server::start(&mut command);
    server.wait_until_ready(None);
    (server, begin.elapsed())
}

/// Serves a constant body on a free port until the process is killed.
fn serve_a_constant(n_bytes: usize) {
    let body: &'static str = "x".repeat(n_bytes).leak();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = tokio::net::TcpSocket::new_v4().unwrap();
        listener.set_nodelay(true).unwrap();
        listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = listener.listen(1024).unwrap();
        eprintln!("listening on http://{}", listener.local_addr().unwrap());
        warp::serve(warp::any().map(move || body)).incoming(listener).run().await;
    });
}

fn start_constant(n_bytes: usize) -> Server {
    Server::start(Command::new(std::env::current_exe().unwrap()).args([CONSTANT, &n_bytes.to_string()]))
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Measured {
    per_second: f64,
    /// In milliseconds.
    p50: f64,
    p99: f64,
}

fn compare(
    name: &str,
    server: &Server,
    constant: &Server,
    script: &Path,
    n_connections: usize,
    seconds: u32,
) {
    compare_address(name, server.address(), constant, script, n_connections, seconds);
}

/// Measures an address and the constant in turns. Prints the medians of the figures and of their ratios.
fn compare_address(
    name: &str,
    address: SocketAddr,
    constant: &Server,
    script: &Path,
    n_connections: usize,
    seconds: u32,
) {
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let base = wrk(constant.address(), script, n_connections, seconds);
            (wrk(address, script, n_connections, seconds), base)
        })
        .collect();
    let median = |figure: &dyn Fn(&(Measured, Measured)) -> f64| {
        let mut figures: Vec<_> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    println!(
        "| {name} | {n_connections} | {:.0} | {:.2} | {:.2} | {:.3} | {:.2} |",
        median(&|round| round.0.per_second),
        median(&|round| round.0.p50),
        median(&|round| round.0.p99),
        median(&|round| round.0.per_second / round.1.per_second),
        median(&|round| round.0.p99 / round.1.p99),
    );
}

/// Sends every request about once.
fn warm_up(server: &Server, script: &Path, n_requests: u32) {
    wrk(server.address(), script, 32, 2 + n_requests / SLOWEST);
}

/// Runs wrk. An answer with another status than 2xx ends the benchmark.
fn wrk(address: SocketAddr, script: &Path, n_connections: usize, seconds: u32) -> Measured {
    let mut command = Command::new("wrk");
    command.args(["-t1", "--latency", &format!("-c{n_connections}"), &format!("-d{seconds}s"), "-s"]);
    let ended = Ended::of(command.arg(script).arg(format!("http://{address}"))).assert_success();
    let line = ended.stdout.lines().find(|line| line.starts_with("figures"));
    let figures: Vec<f64> =
        line.unwrap().split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
    let [per_second, p50, p99, errors] = figures[..] else { panic!("{ended:?}") };
    assert_eq!(errors, 0.0, "{ended:?}");
    Measured { per_second, p50, p99 }
}

/// A script with which wrk sends requests for random users.
fn lookups(head: &str, tail: &str, n_users: u32, n_requests: u32) -> String {
    let request = format!(r#"wrk.format("GET", "{head}" .. math.random(0, {n_users} - 1) .. "{tail}")"#);
    script(n_requests, "", &request)
}

/// A script with which wrk sends one body after the other.
fn fold_ins(bodies: &[String]) -> String {
    let listed: String = bodies.iter().map(|body| format!("[[{body}]],\n")).collect();
    let n_bodies = u32::try_from(bodies.len()).unwrap();
    let before = format!("local bodies = {{\n{listed}}}");
    script(n_bodies, &before, r#"wrk.format("POST", "/recommendations", nil, bodies[i])"#)
}

/// A script with which wrk prepares some requests, sends them repeatedly, and prints its figures.
fn script(n_requests: u32, before: &str, request: &str) -> String {
    format!(
        r#"{before}
local requests = {{}}
function init(args)
  math.randomseed(os.time())
  for i = 1, {n_requests} do
    requests[i] = {request}
  end
end
local next = 0
function request()
  next = next % #requests + 1
  return requests[next]
end
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("figures %f %f %f %d",
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#
    )
}

/// The body of a fold-in.
fn ratings(n: usize, n_movies: u32) -> String {
    let mut rng = rand::rng();
    let movies = rand::seq::index::sample(&mut rng, n_movies as usize, n);
    let ratings: Vec<_> = movies
        .iter()
        .map(|movie| format!(r#"{{"id":{movie},"rating":{}}}"#, f64::from(rng.random_range(1..=10)) / 2.0))
        .collect();
    format!(r#"{{"ratings":[{}],"n":10}}"#, ratings.join(","))
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// nginx with one worker, serving a file.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(world: &World, body: &str) -> Self {
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap()
        };
        let dir = world.path("nginx");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("recommendations"), body).unwrap();
        let dir_name = dir.display();
        let config = format!(
            "user root; worker_processes 1; daemon off; pid {dir_name}/pid; error_log {dir_name}/error.log;
            events {{ worker_connections 1024; }}
            http {{ access_log off; sendfile on; keepalive_requests 1000000000; open_file_cache max=100;
              client_body_temp_path {dir_name}/t1; proxy_temp_path {dir_name}/t2; fastcgi_temp_path {dir_name}/t3;
              uwsgi_temp_path {dir_name}/t4; scgi_temp_path {dir_name}/t5;
              server {{ listen {address}; root {dir_name}; default_type application/json; }} }}"
        );
        let config = world.write("nginx.conf", config);
        let child = Command::new("nginx").arg("-c").arg(config).stderr(Stdio::null()).spawn().unwrap();
        eventually("nginx listens", || TcpStream::connect(address).is_ok());
        Self { child, address }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
