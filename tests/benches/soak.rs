//! Full load for minutes with a new generation every ten seconds: no request may fail, and neither memory nor open files
//! may grow. The arguments are the number of users and the minutes.
//!
//! ```text
//! cargo build --release && cargo bench -p end-to-end --bench soak -- 20000 10
//! ```

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod load;
mod generation;

use std::thread;
use std::time::{Duration, Instant};

use harness::World;

use generation::{N_MOVIES, arguments, number, write_generation};
use load::{Latency, Load, N_CONNECTIONS, Resources, serve};

const BETWEEN_SWITCHES: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    let arguments = arguments();
    let (n_users, n_minutes) = (number(&arguments, 0, 20_000), number(&arguments, 1, 10));
    let world = World::new();
    let generations = [(); 3].map(|()| write_generation(&world.output(), n_users, N_MOVIES));
    world.publish(&generations[0]);
    let server = serve(&world, "soak", &[]);
    let load = Load::new(&server, n_users);
    println!("{n_users} users, {N_CONNECTIONS} connections, a switch every {BETWEEN_SWITCHES:?}");
    println!("| minute | requests/s | p50 ms | p99 ms | longest ms | resident MiB | open files |");
    println!("|---|---|---|---|---|---|---|");
    let mut n_switches = 0;
    let (minutes, samples) = load.while_requesting(|| {
        let minutes = (0..n_minutes).map(|_| {
            let begin = Instant::now();
            let minute = load.during(|| {
                while begin.elapsed() < MINUTE {
                    n_switches += 1;
                    let next = &generations[n_switches % generations.len()];
                    world.publish(next);
                    load.wait_until_answered_by(next);
                    thread::sleep(BETWEEN_SWITCHES);
                }
            });
            (minute, Resources::of(&server))
        });
        minutes.collect::<Vec<_>>()
    });
    for (number, (minute, held)) in minutes.into_iter().enumerate() {
        let latency = Latency::of(&samples, &[minute]);
        let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| latency.quantile(share));
        let (per_second, memory) = (latency.per_second, held.bytes >> 20);
        println!(
            "| {} | {per_second:.0} | {p50:.2} | {p99:.2} | {longest:.0} | {memory} | {} |",
            number + 1,
            held.n_files
        );
    }
    println!("\n{} requests, none failed; {n_switches} switches", samples.len());
}
