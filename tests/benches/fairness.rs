//! Latencies of plain lookups beside a few clients that send all they can: the largest bodies, and lists of 100 ahead of the
//! answers; then the memory for connections that hold a body open. The arguments are the number of users, the seconds of
//! each measurement and the number of connections that hold a body.
//!
//! ```text
//! cargo build --release && cargo bench -p end-to-end --bench fairness -- 600 5
//! ```
//!
//! Plain clients pause between two requests, so that they alone leave the processors free for half of the time. Clients and
//! server share the processors.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

mod generation;
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod load;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, Stop, World, raise_file_limit};
use rand::RngExt;

use generation::{N_MOVIES, arguments, number, write_generation};
use load::serve;

/// The clients of plain lookups.
const N_PLAIN: usize = 8;
const PAUSE: Duration = Duration::from_millis(2);
/// The clients that send bodies.
const N_SENDERS: usize = 8;
/// The length of a body, somewhat less than the server takes.
const BODY_BYTES: usize = 255 << 10;
/// The length of a list of 100 with titles, about.
const ANSWER_BYTES: u64 = 8200;
/// The requests that are sent ahead at once.
const N_AHEAD: usize = 200;

fn main() {
    let arguments = arguments();
    let (n_users, seconds) = (number(&arguments, 0, 600), number(&arguments, 1, 5));
    let n_holding = number(&arguments, 2, 2000) as usize;
    let world = World::new();
    world.publish(&write_generation(&world.output(), n_users, N_MOVIES));
    let server = serve(&world, "work", &[]);
    let time = Duration::from_secs(seconds.into());
    println!("{n_users} users, {N_PLAIN} plain clients\n");
    println!(
        "| beside | requests/s | p50 ms | p99 ms | p99 to undisturbed | others' answers/s | resident MiB |"
    );
    println!("|---|---|---|---|---|---|---|");
    let address = server.address();
    let sizes = [(0, 0), (N_SENDERS, 0), (0, 1), (N_SENDERS, 1)];
    let mut undisturbed = None;
    for (n_senders, n_ahead) in sizes {
        let (mut latencies, n_others) = measure(address, n_users, time, n_senders, n_ahead);
        latencies.sort_unstable();
        let quantile =
            |share: f64| latencies[(share * (latencies.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
        let base = *undisturbed.get_or_insert(quantile(0.99));
        println!(
            "| {n_senders} clients with bodies, {n_ahead} with lists ahead | {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {} |",
            latencies.len() as f64 / time.as_secs_f64(),
            quantile(0.5),
            quantile(0.99),
            quantile(0.99) / base,
            n_others as f64 / time.as_secs_f64(),
            server.resident_bytes() >> 20,
        );
    }
    hold_bodies(address, n_holding, || server.resident_bytes() >> 20);
}

/// The latencies of plain lookups, and the number of answers to the other clients.
fn measure(
    address: SocketAddr,
    n_users: u32,
    time: Duration,
    n_senders: usize,
    n_ahead: usize,
) -> (Vec<Duration>, u64) {
    let (done, n_others) = (AtomicBool::new(false), AtomicU64::new(0));
    let latencies = thread::scope(|scope| {
        let stop = Stop(&done);
        for number in 0..n_senders {
            let (done, n_others) = (&done, &n_others);
            scope.spawn(move || send_bodies(address, number, done, n_others));
        }
        for _ in 0..n_ahead {
            scope.spawn(|| send_ahead(address, n_users, &done, &n_others));
        }
        let plain: Vec<_> = (0..N_PLAIN).map(|_| scope.spawn(|| look_up(address, n_users, &done))).collect();
        thread::sleep(time);
        drop(stop);
        plain.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    (latencies, n_others.into_inner())
}

/// Plain lookups, one after the other.
fn look_up(address: SocketAddr, n_users: u32, done: &AtomicBool) -> Vec<Duration> {
    let mut connection = Connection::open(address).unwrap();
    let mut latencies = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let path = format!("/recommendations?user_id={}", rand::rng().random_range(0..n_users));
        let begin = Instant::now();
        assert_eq!(connection.get(&path).unwrap().status, 200);
        latencies.push(begin.elapsed());
        thread::sleep(PAUSE);
    }
    latencies
}

/// Bodies of the largest size, one after the other: half of the clients send empty arrays as ratings, half as genres.
fn send_bodies(address: SocketAddr, number: usize, done: &AtomicBool, n_answers: &AtomicU64) {
    let (head, tail) = if number.is_multiple_of(2) {
        (r#"{"ratings":["#, "[]]}")
    } else {
        (r#"{"ratings":[],"genre":["#, "[]]}")
    };
    let body = format!("{head}{}{tail}", "[],".repeat((BODY_BYTES - 100) / 3));
    let head = format!("POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = head + &body;
    let mut stream = TcpStream::connect(address).unwrap();
    let mut answer = [0; 4096];
    while !done.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).unwrap();
        // An answer is short, and sent at once.
        let n = stream.read(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400") || answer.starts_with(b"HTTP/1.1 503"), "{n}");
        n_answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Requests for lists of 100 with titles, many ahead of the answers.
fn send_ahead(address: SocketAddr, n_users: u32, done: &AtomicBool, n_answers: &AtomicU64) {
    let request = |user| {
        format!("GET /recommendations?user_id={user}&n=100&returnMetadata=true HTTP/1.1\r\nHost: t\r\n\r\n")
    };
    let requests: String = (0..n_users).cycle().take(N_AHEAD).map(request).collect();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let received = thread::spawn(move || {
        let (mut bytes, mut n) = (vec![0; 1 << 18], 0);
        while let Ok(length @ 1..) = reader.read(&mut bytes) {
            n += length as u64;
        }
        n / ANSWER_BYTES
    });
    while !done.load(Ordering::Relaxed) {
        stream.write_all(requests.as_bytes()).unwrap();
    }
    stream.shutdown(Shutdown::Both).unwrap();
    n_answers.fetch_add(received.join().unwrap(), Ordering::Relaxed);
}

/// Connections that send nearly all of a body and then wait.
fn hold_bodies(address: SocketAddr, n: usize, resident_mib: impl Fn() -> u64) {
    let n = n.min(raise_file_limit(n + 100) - 100);
    let before = resident_mib();
    let head = format!("POST /recommendations HTTP/1.1\r\nHost: t\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    let request = head + &"[".repeat(BODY_BYTES - 1);
    let mut held = Vec::new();
    for _ in 0..n {
        let mut stream = TcpStream::connect(address).unwrap();
        // The server refuses some before they have sent all.
        let _ = stream.write_all(request.as_bytes());
        held.push(stream);
    }
    thread::sleep(Duration::from_secs(2));
    println!(
        "\n{n} connections that hold a body of {BODY_BYTES} bytes: {before} MiB before, {} MiB then",
        resident_mib()
    );
}
