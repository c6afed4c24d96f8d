//! Improved rows against the equations that they approach.

use proptest::prelude::*;

use super::*;

/// Forty rows of up to three hundred columns.
const ROWS: usize = 40;
const COLUMNS: usize = 300;

type Cells = std::collections::BTreeMap<(u32, u32), f32>;

fn cells(n: std::ops::Range<usize>) -> impl Strategy<Value = Cells> {
    prop::collection::btree_map((0..ROWS as u32, 0..COLUMNS as u32), 0.5f32..5.0, n)
}

fn matrix(cells: &Cells) -> Csr {
    let rows: Vec<_> = cells.keys().map(|key| key.0).collect();
    let columns = cells.keys().map(|key| key.1).collect();
    Csr::from_sorted(ROWS, rows, columns, cells.values().copied().collect())
}

/// What counts how much, of rows or of columns.
fn weights(n: usize) -> Vec<f32> {
    (0..n).map(|x| 0.1 + (x as f32).sin().abs()).collect()
}

fn side<'a>(
    matrix: &'a Csr,
    weights: &'a [f32],
) -> Side<'a, impl Fn(usize, u32, f32) -> Observation, impl Fn(usize) -> f32> {
    Side {
        matrix,
        row_weights: &weights[..ROWS],
        column_weights: &weights[..COLUMNS],
        observe: |row, column, stars| Observation {
            weight: 0.5 + stars,
            target: (row + column as usize) as f32 * 0.01,
        },
        ridge: |row| 1.0 + row as f32,
    }
}

fn held(k: usize, seed: f32) -> Factors {
    let dense: Vec<f32> = (0..COLUMNS * k).map(|x| (x as f32 * seed).sin()).collect();
    Factors::from_dense(&dense, k)
}

fn f64s(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Half of what a row minimises, and its gradient, by the slow way.
fn loss<O, R>(side: &Side<'_, O, R>, row: usize, x: &[f64], held: &[f32]) -> (f64, Vec<f64>)
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    let (columns, stars) = side.matrix.row(row);
    let ridge = f64::from((side.ridge)(row));
    let mut loss = ridge * dot(x, x) / 2.0;
    let mut gradient: Vec<f64> = x.iter().map(|x| ridge * x).collect();
    let mut add = |q: &[f64], weight: f32, target: f32| {
        let error = dot(x, q) - f64::from(target);
        loss += f64::from(weight) * error * error / 2.0;
        gradient.iter_mut().zip(q).for_each(|(g, q)| *g += f64::from(weight) * error * q);
    };
    for (q, column_weight) in held.chunks_exact(x.len()).zip(side.column_weights) {
        add(&f64s(q), side.row_weights[row] * column_weight, 0.0);
    }
    for (&column, &stars) in columns.iter().zip(stars) {
        let Observation { weight, target } = (side.observe)(row, column, stars);
        add(&f64s(&held[column as usize * x.len()..][..x.len()]), weight, target);
    }
    (loss, gradient)
}

proptest! {
    // The reference is slow, and one case already has forty rows of every kind.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rows_improved_again_and_again_satisfy_their_equations(
        k in 1usize..140,
        cells in cells(1..500),
        seed in 0.1f32..1.0,
    ) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let side = side(&matrix, &weights);
        let (mut held, mut rows) = (held(k, seed), Factors::from_dense(&vec![0.3; ROWS * k], k));
        for _ in 0..40 {
            prop_assert!(side.improve(&mut held, &mut rows).is_ok());
        }
        let (held, rows) = (held.into_dense(), rows.into_dense());
        for (row, x) in rows.chunks_exact(k).enumerate() {
            if matrix.columns(row).is_empty() {
                prop_assert!(x.iter().all(|&factor| factor == 0.0));
                continue;
            }
            let (_, at_zero) = loss(&side, row, &vec![0.0; k], &held);
            let (_, gradient) = loss(&side, row, &f64s(x), &held);
            let scale = dot(&at_zero, &at_zero).sqrt().max(1.0);
            prop_assert!(dot(&gradient, &gradient).sqrt() < 1e-3 * scale, "row {row}: {gradient:?}");
        }
    }

    #[test]
    fn an_improved_row_is_never_worse(
        k in 1usize..80,
        cells in cells(1..300),
        seed in 0.1f32..1.0,
    ) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let side = side(&matrix, &weights);
        let (mut held, mut rows) = (held(k, seed), Factors::zero(ROWS, k));
        prop_assert!(side.improve(&mut held, &mut rows).is_ok());
        let (held, rows) = (held.into_dense(), rows.into_dense());
        for (row, x) in rows.chunks_exact(k).enumerate() {
            let (before, _) = loss(&side, row, &vec![0.0; k], &held);
            let (after, _) = loss(&side, row, &f64s(x), &held);
            prop_assert!(after <= before * (1.0 + 1e-6), "row {row}: {before} became {after}");
        }
    }

    #[test]
    fn the_axes_leave_dot_products_what_they_were(k in 1usize..140, seed in 0.1f32..1.0) {
        let (mut held, mut rows) = (held(k, seed), Factors::from_dense(&vec![0.3; ROWS * k], k));
        let product = |held: &Factors, rows: &Factors| -> f64 {
            dot(&f64s(&held.as_slice()[..held.stride()]), &f64s(&rows.as_slice()[..rows.stride()]))
        };
        let before = product(&held, &rows);
        let weights = weights(COLUMNS);
        let axes = Axes::of(&held, &weights).unwrap();
        axes.turn(&mut held);
        axes.turn(&mut rows);
        let after = product(&held, &rows);
        prop_assert!((before - after).abs() < 1e-4 * (1.0 + before.abs()), "{before} became {after}");
        // And make the Gram matrix the diagonal that they say.
        let (gram, stride) = (products::gram(held.as_slice(), &weights, held.stride()), held.stride());
        let scale = axes.values().iter().fold(1.0f32, |most, &value| most.max(value));
        for i in 0..k {
            for j in i..k {
                let expected = if i == j { axes.values()[i] } else { 0.0 };
                let found = gram[i * stride + j] as f32;
                prop_assert!((found - expected).abs() < 1e-4 * scale, "{i}, {j}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits(k in 1usize..70, cells in cells(1..500)) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let side = side(&matrix, &weights);
        let improve = |n_threads: usize| {
            let (mut held, mut rows) = (held(k, 0.7), Factors::zero(ROWS, k));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| (0..3).for_each(|_| side.improve(&mut held, &mut rows).unwrap()));
            rows.into_dense().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        prop_assert_eq!(improve(1), improve(3));
    }
}

#[test]
fn a_side_of_fewer_rows_than_factors_has_axes() {
    let mut side = Factors::zero(3, 200);
    let stride = side.stride();
    for (row, q) in side.as_mut_slice().chunks_exact_mut(stride).enumerate() {
        q[row] = 0.3;
        // Squares of this are no numbers any more.
        q[10..190].iter_mut().for_each(|factor| *factor = 1e-30);
    }
    let axes = Axes::of(&side, &[1.0; 3]).unwrap();
    axes.turn(&mut side);
    assert!(axes.values().iter().chain(side.as_slice()).all(|number| number.is_finite()));
}

#[test]
fn a_row_that_has_arrived_stays_where_it_is() {
    let matrix = matrix(&Cells::from([((0, 0), 4.0), ((0, 1), 4.0), ((1, 1), 3.0)]));
    let weights = weights(COLUMNS);
    let side = side(&matrix, &weights);
    let (mut held, mut rows) = (held(3, 0.7), Factors::zero(ROWS, 3));
    for _ in 0..200 {
        assert!(side.improve(&mut held, &mut rows).is_ok());
    }
}

#[test]
fn what_is_not_finite_is_refused() {
    let cells = Cells::from([((0, 0), 1.0), ((1, 7), f32::INFINITY)]);
    let matrix = matrix(&cells);
    let weights = weights(COLUMNS);
    assert!(side(&matrix, &weights).improve(&mut held(5, 0.7), &mut Factors::zero(ROWS, 5)).is_err());
    let mut broken = held(5, 0.7);
    broken.as_mut_slice()[3] = f32::NAN;
    let finite = Csr::from_sorted(ROWS, [], Vec::new(), Vec::new());
    assert!(side(&finite, &weights).improve(&mut broken, &mut Factors::zero(ROWS, 5)).is_err());
}

#[test]
fn factors_come_back_without_the_gaps_wherever_their_memory_lies() {
    // Kept meanwhile, so that no two lie in the same place.
    let mut kept = Vec::new();
    for n_rows in 0..50 {
        for k in [1, 5, 31, 32, 33, 64] {
            let dense: Vec<f32> = (0..n_rows * k).map(|x| x as f32).collect();
            let factors = Factors::from_dense(&dense, k);
            assert_eq!(factors.as_slice().len(), n_rows * factors.stride());
            assert_eq!(factors.as_slice().as_ptr().align_offset(64), 0);
            kept.push((dense, factors));
        }
    }
    for (dense, factors) in kept {
        assert_eq!(factors.into_dense(), dense);
    }
}
