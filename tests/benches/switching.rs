//! What clients notice of a new generation under full load: latency, throughput, the server's memory and open files,
//! and how long a switch and a rollback take. The argument is the number of users.
//!
//! ```text
//! cargo build --release && cargo bench -p end-to-end --bench switching -- 20000
//! ```
//!
//! The first command builds the programs that the second measures. The clients are threads of the benchmark and share
//! the processors with the server: whatever a switch takes is taken from requests.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

#[path = "../switching/client.rs"]
mod client;
#[path = "../harness.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod harness;
mod site;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt;
use store::GenerationId;

use client::{Connection, Stop};
use harness::{Ended, Server, World, program};
use site::{publish, write_generation};

const N_CONNECTIONS: usize = 32;
const N_SWITCHES: usize = 100;
/// To a generation that is fetched, and as many to one whose copy is kept.
const N_ROLLBACKS: usize = 10;

/// How long is measured at rest, before all switches and after them.
const REST: Duration = Duration::from_secs(15);
/// How long clients ask before anything is measured.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long a switch counts as going on once its generation is served. As long is waited before the next one.
const TAIL: Duration = Duration::from_millis(250);

fn main() {
    // Cargo adds words of its own, all of which begin with a dash.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let n_users = words.first().map_or(20_000, |word| word.parse().unwrap());
    let world = World::new();
    let generations = [(); 3].map(|()| write_generation(&world.output(), n_users));
    let files = world.repository().manifest(&generations[0]).unwrap().files;
    let n_bytes: u64 = files.values().map(|file| file.bytes).sum();
    println!("{n_users} users, {} MiB a generation; {N_CONNECTIONS} connections", n_bytes >> 20);
    measure_switches(&world, &generations, n_users);
    measure_rollbacks(&world, &generations, n_users);
}

/// Moves `CURRENT` again and again, for a server that looks all the time.
fn measure_switches(world: &World, generations: &[GenerationId; 3], n_users: u32) {
    publish(world, &generations[0]);
    let (server, process) = serve(world, "switches", &["--poll-interval", "10ms"]);
    let load = Load::new(&server, n_users);
    let (mut fetched, mut kept) = (Vec::new(), Vec::new());
    let (samples, at_rest, held) = thread::scope(|scope| {
        let stop = Stop(&load.done);
        let clients: Vec<_> = (0..N_CONNECTIONS).map(|_| scope.spawn(|| load.ask())).collect();
        load.wait_until_answered_by(&generations[0]);
        thread::sleep(WARM_UP);
        let rest_before = load.during(|| thread::sleep(REST));
        let held_before = Held::by(&process);
        let watch = scope.spawn(|| peak_memory(&process, &load.done));

        // Every fourth goes back to the one before, of which the server keeps its copy.
        let (mut current, mut previous) = (0, 2);
        for next in [1, 2, 0, 2, 1, 0, 2, 0].into_iter().cycle().take(N_SWITCHES) {
            let begin = load.now();
            publish(world, &generations[next]);
            load.wait_until_answered_by(&generations[next]);
            let served = load.now();
            thread::sleep(TAIL);
            let switches = if next == previous { &mut kept } else { &mut fetched };
            switches.push(Switch { begin, served, end: load.now() });
            (previous, current) = (current, next);
            thread::sleep(TAIL);
        }

        let rest_after = load.during(|| thread::sleep(REST));
        let held_after = Held::by(&process);
        drop(stop);
        let mut samples: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        samples.sort_unstable_by_key(|sample| sample.end);
        (samples, [rest_before, rest_after], (held_before, watch.join().unwrap(), held_after))
    });
    print_latencies(&samples, &at_rest, &fetched, &kept);
    for (what, switches) in [("fetched", fetched), ("kept", kept)] {
        let micros = |switch: &Switch| Duration::from_micros((switch.served - switch.begin).into());
        print_times(&format!("from CURRENT's move to served, copy {what}"), switches.iter().map(micros));
    }
    let (before, peak, after) = held;
    println!("resident memory, KiB: {} before, {peak} at most, {} after", before.memory, after.memory);
    println!("open files: {} before, {} after", before.n_files, after.n_files);
}

/// Goes back by the pipeline's command, for a server that looks as often as it does unless told otherwise.
fn measure_rollbacks(world: &World, generations: &[GenerationId; 3], n_users: u32) {
    publish(world, &generations[0]);
    let (server, _) = serve(world, "rollbacks", &[]);
    let load = Load::new(&server, n_users);
    let (mut fetched, mut kept) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let _stop = Stop(&load.done);
        for _ in 0..N_CONNECTIONS {
            scope.spawn(|| load.ask());
        }
        load.wait_until_answered_by(&generations[0]);
        let (mut current, mut previous) = (0, 2);
        for next in [1, 0, 2, 0].into_iter().cycle().take(2 * N_ROLLBACKS) {
            // So that it falls anywhere between two looks.
            thread::sleep(Duration::from_millis(rand::rng().random_range(500..1500)));
            let begin = Instant::now();
            let ended = Ended::of(world.pipeline("rollback").arg(generations[next].as_str()));
            assert!(ended.status.success(), "{ended:?}");
            load.wait_until_answered_by(&generations[next]);
            let times = if next == previous { &mut kept } else { &mut fetched };
            times.push(begin.elapsed());
            (previous, current) = (current, next);
        }
    });
    print_times("from `pipeline rollback` to served, copy fetched", fetched.into_iter());
    print_times("from `pipeline rollback` to served, copy kept", kept.into_iter());
}

fn print_latencies(samples: &[Sample], at_rest: &[Range<u32>], fetched: &[Switch], kept: &[Switch]) {
    let until = |switches: &[Switch], end: fn(&Switch) -> u32| -> Vec<_> {
        switches.iter().map(|switch| switch.begin..end(switch)).collect()
    };
    let rows = [
        ("at rest", at_rest.to_vec()),
        ("during a switch, copy fetched", until(fetched, |switch| switch.end)),
        ("  until it is served", until(fetched, |switch| switch.served)),
        ("during a switch, copy kept", until(kept, |switch| switch.end)),
        ("  until it is served", until(kept, |switch| switch.served)),
    ];
    println!("{:<30} {:>10} {:>7} {:>7} {:>7}  p99 / p99", "milliseconds", "requests/s", "p50", "p99", "max");
    let p99_at_rest = Latency::of(samples, at_rest).quantile(0.99);
    for (what, times) in rows {
        let latency = Latency::of(samples, &times);
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| latency.quantile(share));
        let (per_second, ratio) = (latency.per_second, p99 / p99_at_rest);
        println!("{what:<30} {per_second:>10.0} {p50:>7.2} {p99:>7.2} {max:>7.2}  {ratio:>9.2}");
    }
}

fn print_times(what: &str, times: impl Iterator<Item = Duration>) {
    let mut seconds: Vec<_> = times.map(|time| time.as_secs_f64()).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    let (median, longest) = (seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
    println!("{what}: median {median:.3} s, longest of {} {longest:.3} s", seconds.len());
}

/// A switch, in microseconds since the load began.
struct Switch {
    begin: u32,
    served: u32,
    end: u32,
}

/// When a request ended and how long it took, in microseconds.
struct Sample {
    end: u32,
    took: u32,
}

/// Requests for random users on all connections, each as soon as the one before is answered.
struct Load {
    address: String,
    n_users: u32,
    begin: Instant,
    done: AtomicBool,
    /// The generation that answered last.
    answered_by: Mutex<String>,
}

impl Load {
    /// A load for a server, once that answers from a generation.
    fn new(server: &Server, n_users: u32) -> Self {
        server.wait_until_ready(None);
        let (address, answered_by) = (server.address(), Mutex::default());
        Self { address, n_users, begin: Instant::now(), done: AtomicBool::new(false), answered_by }
    }

    fn now(&self) -> u32 {
        u32::try_from(self.begin.elapsed().as_micros()).unwrap()
    }

    /// The time that something takes.
    fn during(&self, act: impl FnOnce()) -> Range<u32> {
        let begin = self.now();
        act();
        begin..self.now()
    }

    /// Asks on one connection until the end. A request that fails ends the benchmark.
    fn ask(&self) -> Vec<Sample> {
        let mut connection = Connection::open(&self.address).unwrap();
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

    fn wait_until_answered_by(&self, id: &GenerationId) {
        let begin = Instant::now();
        while *self.answered_by.lock().unwrap() != id.as_str() {
            assert!(begin.elapsed() < Duration::from_secs(120), "{id} is not served");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Latencies of the requests that were in flight in some stretches of time.
struct Latency {
    /// In microseconds, ascending.
    sorted: Vec<u32>,
    per_second: f64,
}

impl Latency {
    /// The samples ascend by their end.
    fn of(samples: &[Sample], times: &[Range<u32>]) -> Self {
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
    fn quantile(&self, share: f64) -> f64 {
        let place = share * (self.sorted.len() - 1) as f64;
        f64::from(self.sorted[place as usize]) / 1e3
    }
}

/// What a process holds.
struct Held {
    /// Resident memory in KiB.
    memory: u64,
    /// Sockets are among them.
    n_files: usize,
}

impl Held {
    /// What the process of a directory below `/proc` holds.
    fn by(process: &Path) -> Self {
        let n_files = fs::read_dir(process.join("fd")).unwrap().count();
        Self { memory: resident_memory(process), n_files }
    }
}

/// The most memory that a process is seen with until something is done.
fn peak_memory(process: &Path, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        peak = peak.max(resident_memory(process));
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

fn resident_memory(process: &Path) -> u64 {
    let status = fs::read_to_string(process.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A server on the world's output that answers, and the directory of its process below `/proc`.
fn serve(world: &World, work: &str, args: &[&str]) -> (Server, PathBuf) {
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path(work));
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]).args(args));
    server.wait_until_ready(None);
    let process = Path::new("/proc").join(server.id().to_string());
    (server, process)
}
