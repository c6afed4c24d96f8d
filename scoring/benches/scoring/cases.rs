//! Synthetic factors, typical and hostile.

use interactions::Csr;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ranking::RankingFactors;

use super::Case;

const N_USERS: usize = 4096;
const N_ITEMS: usize = 16_384;

/// Makes a case, of a number of factors and a number of items.
type Make = fn(&mut ChaCha8Rng, usize, usize) -> Case;

/// All cases, each with a name and the length of the lists.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Case, usize)> {
    let kinds: [(&str, usize, usize, Make); 11] = [
        ("long tail", 64, 10, long_tail),
        ("long tail", 128, 100, long_tail),
        ("few items", 64, 100, |rng, k, _| case(rng, k, 3706, 160, |rng, _, _| rng.random_range(-1.0..1.0))),
        ("all norms nearly equal", 64, 100, |rng, k, n| {
            case(rng, k, n, 100, |rng, _, _| rng.random_range(-1.0..1.0))
        }),
        ("all scores equal", 64, 100, |rng, k, n| on_one_axis(rng, k, n, |_| 1.0)),
        ("larger norm, lower score", 64, 100, |rng, k, n| on_one_axis(rng, k, n, |norm| 1.0 / (1.0 + norm))),
        ("one giant item", 64, 100, |rng, k, n| {
            case(rng, k, n, 100, |rng, item, _| {
                rng.random_range(-1.0..1.0) * if item == 7 { 1e6 } else { 1.0 }
            })
        }),
        ("one factor", 1, 100, long_tail),
        ("all but three seen", 64, 100, |rng, k, n| {
            case(rng, k, n / 8, n / 8 - 3, |rng, _, _| rng.random_range(-1.0..1.0))
        }),
        ("everything listed", 64, N_ITEMS / 16, |rng, k, n| {
            case(rng, k, n / 16, 10, |rng, _, _| rng.random_range(-1.0..1.0))
        }),
        ("users of zero factors", 64, 100, |rng, k, n| {
            let mut case = long_tail(rng, k, n);
            case.factors.user_factors.fill(0.0);
            case
        }),
    ];
    kinds.into_iter().map(|(name, k, n, make)| (name, make(&mut ChaCha8Rng::seed_from_u64(5), k, N_ITEMS), n))
}

/// Factors like trained ones: few items have large norms, in the direction of most users.
fn long_tail(rng: &mut ChaCha8Rng, k: usize, n_items: usize) -> Case {
    let mut case = case(rng, k, n_items, 100, |rng, item, factor| {
        let length = 40.0 / (40.0 + item as f32 * 0.4);
        length * (rng.random_range(-1.0..1.0) + if factor == 0 { 1.5 } else { 0.0 })
    });
    for user in case.factors.user_factors.chunks_exact_mut(k) {
        user[0] = user[0].abs() + 1.0;
    }
    case
}

/// All users have one nonzero factor; an item's factor there is `score` of the norm of its other factors.
fn on_one_axis(rng: &mut ChaCha8Rng, k: usize, n_items: usize, score: fn(f32) -> f32) -> Case {
    let mut case = case(rng, k, n_items, 100, |rng, _, _| rng.random_range(-1.0..1.0));
    for user in case.factors.user_factors.chunks_exact_mut(k) {
        user.fill(0.0);
        user[0] = 1.0;
    }
    for item in case.factors.item_factors.chunks_exact_mut(k) {
        let length = rng.random_range(1.0..4.0);
        item.iter_mut().for_each(|factor| *factor *= length);
        item[0] = score(item[1..].iter().map(|factor| factor * factor).sum::<f32>().sqrt());
    }
    case
}

fn case(
    rng: &mut ChaCha8Rng,
    k: usize,
    n_items: usize,
    n_seen: usize,
    mut factor: impl FnMut(&mut ChaCha8Rng, usize, usize) -> f32,
) -> Case {
    let user_factors = (0..N_USERS * k).map(|_| rng.random_range(-1.0..1.0)).collect();
    let item_factors = (0..n_items * k).map(|cell| factor(rng, cell / k, cell % k)).collect();
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for user in 0..N_USERS as u32 {
        // Seen items are at equal distances, from a random item on.
        let (first, step) = (rng.random_range(0..n_items), n_items / n_seen);
        let mut seen: Vec<_> = (0..n_seen).map(|place| ((first + place * step) % n_items) as u32).collect();
        seen.sort_unstable();
        rows.extend(seen.iter().map(|_| user));
        columns.extend(seen);
    }
    let values = vec![1.0; columns.len()];
    let seen = Csr::from_sorted(N_USERS, rows, columns, values);
    Case { factors: RankingFactors { n_factors: k, user_factors, item_factors }, seen }
}
