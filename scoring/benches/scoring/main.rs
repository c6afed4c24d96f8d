//! Benchmark of scoring against a plain reference, which computes every score in full, in the order of the
//! items (`plain`). The lists must be equal, which is checked. Both run by turns; the median of five runs is
//! printed.
//!
//! ```text
//! cargo bench -p scoring --bench scoring
//! cargo bench -p scoring --bench scoring -- DIR N...
//! ```
//!
//! The first command measures synthetic factors, typical and hostile. The second measures given factors, once
//! after one run as warm-up. DIR has `users.npy` and `items.npy` (f32, a row of factors each) and
//! `indptr.npy` and `indices.npy` (the seen items of each user in the CSR format of SciPy; i64 and i32). For
//! each N it prints a line of JSON and writes the lists to `DIR/lists-N.npy` (i32, padded with -1). See
//! `benchmarks/scoring.py`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

mod cases;
mod npy;
mod plain;

use std::fs;
use std::path::Path;
use std::time::Instant;

use interactions::Csr;
use ranking::RankingFactors;
use scoring::{ScoreCounts, Scored, Scorer};

const RUNS: usize = 5;
/// Users scored at once, as in a run.
const AT_ONCE: usize = 8192;

/// Factors, and the seen items of each user (n_users x n_items).
pub(crate) struct Case {
    factors: RankingFactors,
    seen: Csr,
}

type Lists = Vec<Vec<Scored>>;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.split_first() {
        None => synthetic(),
        Some((dir, lengths)) => given(Path::new(dir), lengths),
    }
}

fn synthetic() {
    println!(
        "{:<30} {:>5} {:>5} {:>9} {:>9} {:>6} {:>8} {:>8} {:>9}",
        "", "k", "N", "users/s", "plain", "ratio", "in full", "8 bits", "GFLOP/s"
    );
    for (name, case, n) in cases::all() {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        let mut work = ScoreCounts::default();
        for _ in 0..RUNS {
            let begin = processor_seconds();
            let (lists, computed) = score(&case, n);
            ours.push(processor_seconds() - begin);
            work = computed;
            let begin = processor_seconds();
            let expected = in_parts(&case, |users| plain::top_n(&case.factors, &case.seen, n, users));
            plain.push(processor_seconds() - begin);
            assert!(lists == expected, "{name}: the lists differ");
        }
        let (n_users, k) = (case.seen.n_rows() as f64, case.factors.n_factors);
        let pairs = n_users * (case.factors.item_factors.len() / k) as f64;
        let (ours, plain) = (median(ours), median(plain));
        println!(
            "{name:<30} {k:>5} {n:>5} {:>9.0} {:>9.0} {:>6.2} {:>7.2}% {:>7.2}% {:>9.1}",
            n_users / ours,
            n_users / plain,
            plain / ours,
            100.0 * work.in_full as f64 / pairs,
            100.0 * work.in_8_bits as f64 / pairs,
            2.0 * pairs * k as f64 / plain / 1e9,
        );
    }
    println!("per second of one processor; GFLOP/s are those of the plain reference");
}

fn given(dir: &Path, lengths: &[String]) {
    let (n_factors, user_factors) = npy::matrix(&dir.join("users.npy"));
    let (_, item_factors) = npy::matrix(&dir.join("items.npy"));
    let offsets = npy::offsets(&dir.join("indptr.npy"));
    let columns = npy::indices(&dir.join("indices.npy"));
    let n_users = offsets.len() - 1;
    let rows = offsets.windows(2).zip(0..).flat_map(|(ends, row)| (ends[0]..ends[1]).map(move |_| row));
    let values = vec![1.0; columns.len()];
    let seen = Csr::from_sorted(n_users, rows, columns, values);
    let case = Case { factors: RankingFactors { n_factors, user_factors, item_factors }, seen };
    for n in lengths {
        let n: usize = n.parse().expect("N is a number");
        // A run as warm-up, as for the programs that this is compared with.
        drop(score(&case, n));
        let begin = (Instant::now(), processor_seconds());
        let (lists, work) = score(&case, n);
        let (seconds, processor) = (begin.0.elapsed().as_secs_f64(), processor_seconds() - begin.1);
        println!(
            "{{\"n\": {n}, \"seconds\": {seconds}, \"processor_seconds\": {processor}, \"in_full\": {}, \"in_8_bits\": {}}}",
            work.in_full, work.in_8_bits
        );
        let ids = lists.iter().flat_map(|list| {
            let ids = list.iter().map(|scored| scored.item as i32);
            ids.chain(std::iter::repeat(-1)).take(n)
        });
        npy::save(&dir.join(format!("lists-{n}.npy")), (n_users, n), ids);
    }
}

/// The measured part: preparation and lists.
fn score(case: &Case, n: usize) -> (Lists, ScoreCounts) {
    let scorer = Scorer::new(&case.factors, &case.seen, n);
    let lists = in_parts(case, |users| scorer.top_n(users));
    (lists, scorer.score_counts())
}

fn in_parts(case: &Case, top_n: impl Fn(std::ops::Range<usize>) -> Lists) -> Lists {
    let n_users = case.seen.n_rows();
    (0..n_users).step_by(AT_ONCE).flat_map(|first| top_n(first..n_users.min(first + AT_ONCE))).collect()
}

/// Processor time of all threads so far, which is steadier than the clock on a shared machine. Without
/// Linux's `schedstat` it is the clock.
fn processor_seconds() -> f64 {
    let nanoseconds = |task: fs::DirEntry| -> Option<f64> {
        fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    match fs::read_dir("/proc/self/task") {
        Ok(tasks) => tasks.flatten().filter_map(nanoseconds).sum::<f64>() * 1e-9,
        Err(_) => START.elapsed().as_secs_f64(),
    }
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
