//! Full load on a server: the requests of clients, their latencies, and the memory and open files of the server.

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, Server, Stop, TIMEOUT, World, program};
use rand::RngExt;
use store::GenerationId;

/// The number of clients, each with a connection.
pub(crate) const N_CONNECTIONS: usize = 32;

/// The end of a request, since the begin of the load, and its duration, in microseconds.
pub(crate) struct Sample {
    end: u32,
    took: u32,
}

/// Requests for random users on all connections, each sent after the answer to the one before.
pub(crate) struct Load {
    address: SocketAddr,
    n_users: u32,
    begin: Instant,
    done: AtomicBool,
    /// The generation of the last answer.
    answered_by: Mutex<String>,
}

impl Load {
    /// Waits until a server has opened a generation, and prepares a load on it.
    pub(crate) fn new(server: &Server, n_users: u32) -> Self {
        server.wait_until_ready(None);
        let (address, answered_by) = (server.address(), Mutex::default());
        Self { address, n_users, begin: Instant::now(), done: AtomicBool::new(false), answered_by }
    }

    pub(crate) fn now(&self) -> u32 {
        u32::try_from(self.begin.elapsed().as_micros()).unwrap()
    }

    /// Calls `act` and returns its begin and end.
    pub(crate) fn during(&self, act: impl FnOnce()) -> Range<u32> {
        let begin = self.now();
        act();
        begin..self.now()
    }

    /// Calls `act` while all clients send requests. Returns its result, and the samples, sorted by their end. A failed
    /// request ends the benchmark.
    pub(crate) fn while_requesting<T>(&self, act: impl FnOnce() -> T) -> (T, Vec<Sample>) {
        thread::scope(|scope| {
            let stop = Stop(&self.done);
            let clients: Vec<_> = (0..N_CONNECTIONS).map(|_| scope.spawn(|| self.send_requests())).collect();
            let result = act();
            drop(stop);
            let mut samples: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
            samples.sort_unstable_by_key(|sample| sample.end);
            (result, samples)
        })
    }

    /// Sends requests on one connection until `done` is set.
    fn send_requests(&self) -> Vec<Sample> {
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
            assert!(begin.elapsed() < TIMEOUT, "{id} is not served");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The latencies of the requests that were in flight in some intervals.
pub(crate) struct Latency {
    /// In microseconds, ascending.
    sorted: Vec<u32>,
    pub(crate) per_second: f64,
}

impl Latency {
    /// The samples must be sorted by their end.
    pub(crate) fn of(samples: &[Sample], times: &[Range<u32>]) -> Self {
        /// Longer than any request.
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

    /// A quantile in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = share * (self.sorted.len() - 1) as f64;
        f64::from(self.sorted[place as usize]) / 1e3
    }
}

/// The resources of a server's process.
pub(crate) struct Resources {
    pub(crate) bytes: u64,
    /// The number of open files, including sockets.
    pub(crate) n_files: usize,
}

impl Resources {
    pub(crate) fn of(server: &Server) -> Self {
        let n_files = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
        Self { bytes: server.resident_bytes(), n_files }
    }
}

/// The peak memory of a server's process until `done` is set, from samples.
pub(crate) fn peak_memory(server: &Server, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        peak = peak.max(server.resident_bytes());
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

/// Starts a server on the world's output and waits until it has opened a generation.
pub(crate) fn serve(world: &World, work: &str, args: &[&str]) -> Server {
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path(work));
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]).args(args));
    server.wait_until_ready(None);
    server
}
