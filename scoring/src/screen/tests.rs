//! Tests of the screen against sums by plain loops, and against scores in full.

use super::*;

/// Pseudorandom numbers from -1 to 1.
fn numbers(n: usize, seed: f64) -> Vec<f32> {
    (0..n).map(|x| (x as f64 * seed).sin() as f32).collect()
}

#[test]
fn the_sums_of_vnni_are_those_of_plain_loops() {
    let Some(screen) = Screen::available(1, WIDTH) else { return };
    for k in [1, 4, 7, 64, 131] {
        let (users, items) = (numbers(ROWS * k, 1.7), numbers(WIDTH * k, 2.3));
        let mut rows = ScreenUsers::default();
        rows.fill(users.chunks_exact(k), k, Bound::new(k));
        let tile = ScreenTile::new(items.chunks_exact(k), k);
        for threshold in [-1e9, -0.5, 0.0, 0.3, 1e9] {
            let thresholds = [threshold; ROWS];
            let least = rows.least(&tile, &thresholds);
            let expected = by_definition(&rows.numbers, &tile.numbers, &least);
            assert_eq!(screen.reach(&rows, &tile, &thresholds), expected, "{k} factors, {threshold}");
        }
    }
}

#[test]
fn no_score_that_reaches_the_threshold_is_missed_and_few_others_pass() {
    let (mut n_passed, mut n_below) = (0, 0);
    for (k, magnitude) in [(1, 1.0), (5, 1e-22), (64, 1e3), (131, 1e-3), (300, 1e17)] {
        let scaled = |n, seed| numbers(n, seed).into_iter().map(|x| x * magnitude).collect::<Vec<_>>();
        let (users, items) = (scaled(ROWS * k, 1.1), scaled(WIDTH * k, 0.77));
        let mut rows = ScreenUsers::default();
        rows.fill(users.chunks_exact(k), k, Bound::new(k));
        let tile = ScreenTile::new(items.chunks_exact(k), k);
        for (row, user) in users.chunks_exact(k).enumerate() {
            let scores: Vec<f32> = items
                .chunks_exact(k)
                .map(|item| user.iter().zip(item).fold(0.0f32, |sum, (p, q)| p.mul_add(*q, sum)))
                .collect();
            for &threshold in &scores {
                let least = rows.least(&tile, &[threshold; ROWS]);
                let reach = by_definition(&rows.numbers, &tile.numbers, &least)[row];
                for (lane, &score) in scores.iter().enumerate() {
                    let passes = reach >> lane & 1 == 1;
                    assert!(passes || score < threshold, "{score} reaches {threshold}");
                    n_below += u32::from(score < threshold);
                    n_passed += u32::from(score < threshold && passes);
                }
            }
        }
    }
    assert!(n_passed * 4 < n_below, "{n_passed} of {n_below}");
}

#[test]
fn factors_of_zero_reach_a_threshold_of_zero() {
    let mut rows = ScreenUsers::default();
    rows.fill([[0.0; 3].as_slice()].into_iter(), 3, Bound::new(3));
    let tile = ScreenTile::new([[0.0; 3].as_slice(), &[1.0; 3]].into_iter(), 3);
    let least = rows.least(&tile, &[0.0; ROWS]);
    assert_eq!(by_definition(&rows.numbers, &tile.numbers, &least)[0] & 3, 3);
}
