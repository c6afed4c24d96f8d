//! The effect of a new generation on clients under full load: latency, throughput, the server's memory and open files,
//! and how long a switch and a rollback take. The argument is the number of users.
//!
//! ```text
//! cargo build --release && cargo bench -p end-to-end --bench switching -- 20000
//! ```
//!
//! The first command builds the programs that the second measures. The clients are threads of the benchmark and share
//! the processors with the server, so a switch takes processor time from requests.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

mod load;
mod generation;

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Ended, Stop, World};
use rand::RngExt;
use store::GenerationId;

use generation::{N_MOVIES, arguments, number, write_generation};
use load::{Latency, Load, N_CONNECTIONS, Resources, Sample, peak_memory, serve};

const N_SWITCHES: usize = 100;
/// The number of rollbacks to a generation that is fetched, and as many to one whose copy is kept.
const N_ROLLBACKS: usize = 10;

/// The time of the measurements at rest, before and after all switches.
const REST: Duration = Duration::from_secs(15);
/// The time of load before the first measurement.
const WARM_UP: Duration = Duration::from_secs(5);
/// The time for which a switch still counts after its generation is served. The pause before the next one is as long.
const TAIL: Duration = Duration::from_millis(250);

fn main() {
    let n_users = number(&arguments(), 0, 20_000);
    let world = World::new();
    let generations = [(); 3].map(|()| write_generation(&world.output(), n_users, N_MOVIES));
    let files = world.repository().manifest(&generations[0]).unwrap().files;
    let n_bytes: u64 = files.values().map(|file| file.bytes).sum();
    println!("{n_users} users, {} MiB a generation; {N_CONNECTIONS} connections", n_bytes >> 20);
    measure_switches(&world, &generations, n_users);
    measure_rollbacks(&world, &generations, n_users);
}

/// Moves `CURRENT` repeatedly, for a server with a short poll interval.
fn measure_switches(world: &World, generations: &[GenerationId; 3], n_users: u32) {
    world.publish(&generations[0]);
    let server = serve(world, "switches", &["--poll-interval", "10ms"]);
    let load = Load::new(&server, n_users);
    let (mut fetched, mut kept) = (Vec::new(), Vec::new());
    let ((at_rest, held), samples) = load.while_requesting(|| {
        load.wait_until_answered_by(&generations[0]);
        thread::sleep(WARM_UP);
        let rest_before = load.during(|| thread::sleep(REST));
        let held_before = Resources::of(&server);
        let is_over = AtomicBool::new(false);
        let (rest_after, held_after, peak) = thread::scope(|scope| {
            let stop = Stop(&is_over);
            let watch = scope.spawn(|| peak_memory(&server, &is_over));
            // Every fourth switch is to the generation before, of which the server keeps its copy.
            let (mut current, mut previous) = (0, 2);
            for next in [1, 2, 0, 2, 1, 0, 2, 0].into_iter().cycle().take(N_SWITCHES) {
                let begin = load.now();
                world.publish(&generations[next]);
                load.wait_until_answered_by(&generations[next]);
                let served = load.now();
                thread::sleep(TAIL);
                let switches = if next == previous { &mut kept } else { &mut fetched };
                switches.push(Switch { begin, served, end: load.now() });
                (previous, current) = (current, next);
                thread::sleep(TAIL);
            }
            let rest_after = load.during(|| thread::sleep(REST));
            let held_after = Resources::of(&server);
            drop(stop);
            (rest_after, held_after, watch.join().unwrap())
        });
        ([rest_before, rest_after], (held_before, peak, held_after))
    });
    print_latencies(&samples, &at_rest, &fetched, &kept);
    for (what, switches) in [("fetched", fetched), ("kept", kept)] {
        let micros = |switch: &Switch| Duration::from_micros((switch.served - switch.begin).into());
        print_times(&format!("from CURRENT's move to served, copy {what}"), switches.iter().map(micros));
    }
    let (before, peak, after) = held;
    println!(
        "resident memory, KiB: {} before, {} at most, {} after",
        before.bytes >> 10,
        peak >> 10,
        after.bytes >> 10
    );
    println!("open files: {} before, {} after", before.n_files, after.n_files);
}

/// Rolls back by the pipeline's command, for a server with the default poll interval.
fn measure_rollbacks(world: &World, generations: &[GenerationId; 3], n_users: u32) {
    world.publish(&generations[0]);
    let server = serve(world, "rollbacks", &[]);
    let load = Load::new(&server, n_users);
    let (mut fetched, mut kept) = (Vec::new(), Vec::new());
    load.while_requesting(|| {
        load.wait_until_answered_by(&generations[0]);
        let (mut current, mut previous) = (0, 2);
        for next in [1, 0, 2, 0].into_iter().cycle().take(2 * N_ROLLBACKS) {
            // A random pause, so that the rollback is at any time between two polls.
            thread::sleep(Duration::from_millis(rand::rng().random_range(500..1500)));
            let begin = Instant::now();
            Ended::of(world.pipeline("rollback").arg(generations[next].as_str())).assert_success();
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
