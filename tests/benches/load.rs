//! Full load on a server: what clients ask, what they notice, and what the server's process holds meanwhile.

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, PATIENCE, Server, World, program};
use rand::RngExt;
use store::GenerationId;

/// Clients that ask at once.
pub(crate) const N_CONNECTIONS: usize = 32;

/// When a request ended and how long it took, in microseconds.
pub(crate) struct Sample {
    pub(crate) end: u32,
    pub(crate) took: u32,
}

/// Requests for random users on all connections, each as soon as the one before is answered.
pub(crate) struct Load {
    address: SocketAddr,
    n_users: u32,
    begin: Instant,
    pub(crate) done: AtomicBool,
    /// The generation that answered last.
    answered_by: Mutex<String>,
}

impl Load {
    /// A load for a server, once that answers from a generation.
    pub(crate) fn new(server: &Server, n_users: u32) -> Self {
        server.wait_until_ready(None);
        let (address, answered_by) = (server.address(), Mutex::default());
        Self { address, n_users, begin: Instant::now(), done: AtomicBool::new(false), answered_by }
    }

    pub(crate) fn now(&self) -> u32 {
        u32::try_from(self.begin.elapsed().as_micros()).unwrap()
    }

    /// The time that something takes.
    pub(crate) fn during(&self, act: impl FnOnce()) -> Range<u32> {
        let begin = self.now();
        act();
        begin..self.now()
    }

    /// Asks on one connection until the end. A request that fails ends the benchmark.
    pub(crate) fn ask(&self) -> Vec<Sample> {
        let mut connection = Connection::open(self.address).unwrap();
        let (mut samples, mut last, mut rng) = (Vec::new(), String::new(), rand::rng());
        while !self.done.load(Ordering::Relaxed) {
            let user = rng.random_range(0..self.n_users);
            let path = match rng.random_range(0..3) {
                0 => format!("/recommendations?user_id={user}"),
                1 => format!("/recommendations?user_id={user}&n=10&returnMetadata=true"),
                _ => format!("/features?user_id={user}"),
            };
            let begin = self.now();
            let answer = connection.get(&path).unwrap();
            let end = self.now();
            assert_eq!(answer.status, 200, "{path}");
            samples.push(Sample { end, took: end - begin });
            if last != answer.generation {
                last.clone_from(&answer.generation);
                self.answered_by.lock().unwrap().clone_from(&last);
            }
        }
        samples
    }

    pub(crate) fn wait_until_answered_by(&self, id: &GenerationId) {
        let begin = Instant::now();
        while *self.answered_by.lock().unwrap() != id.as_str() {
            assert!(begin.elapsed() < PATIENCE, "{id} is not served");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Latencies of the requests that were in flight in some stretches of time.
pub(crate) struct Latency {
    /// In microseconds, ascending.
    sorted: Vec<u32>,
    pub(crate) per_second: f64,
}

impl Latency {
    /// The samples ascend by their end.
    pub(crate) fn of(samples: &[Sample], times: &[Range<u32>]) -> Self {
        /// More than any request takes.
        const LONGEST: u32 = 10_000_000;

        let (mut sorted, mut n_ended) = (Vec::new(), 0);
        for time in times {
            let ended_by = |end: u32| samples.partition_point(|sample| sample.end < end);
            let (first, last) = (ended_by(time.start), ended_by(time.end));
            n_ended += last - first;
            let begun =
                samples[last..ended_by(time.end + LONGEST)].iter().filter(|s| s.end - s.took < time.end);
            sorted.extend(samples[first..last].iter().chain(begun).map(|sample| sample.took));
        }
        sorted.sort_unstable();
        let seconds = times.iter().map(|time| f64::from(time.end - time.start)).sum::<f64>() / 1e6;
        Self { sorted, per_second: n_ended as f64 / seconds }
    }

    /// In milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = share * (self.sorted.len() - 1) as f64;
        f64::from(self.sorted[place as usize]) / 1e3
    }
}

/// The resources of a server's process.
pub(crate) struct Held {
    pub(crate) bytes: u64,
    /// Sockets are among them.
    pub(crate) n_files: usize,
}

impl Held {
    pub(crate) fn by(server: &Server) -> Self {
        let n_files = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
        Self { bytes: server.resident_bytes(), n_files }
    }
}

/// The most memory that a server's process is seen with until something is done.
pub(crate) fn peak_memory(server: &Server, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        peak = peak.max(server.resident_bytes());
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

/// A server on the world's output that answers.
pub(crate) fn serve(world: &World, work: &str, args: &[&str]) -> Server {
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path(work));
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]).args(args));
    server.wait_until_ready(None);
    server
}
