//! Tests of improved rows against the equations that they approach.

use proptest::prelude::*;

use super::*;

// Forty rows of up to three hundred columns.
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

/// Weights of rows or of columns.
fn weights(n: usize) -> Vec<f32> {
    (0..n).map(|x| 0.1 + (x as f32).sin().abs()).collect()
}

fn half_epoch<'a>(
    matrix: &'a Csr,
    weights: &'a [f32],
) -> HalfEpoch<'a, impl Fn(usize, u32, f32) -> Observation, impl Fn(usize) -> f32> {
    HalfEpoch {
        matrix,
        row_weights: Some(&weights[..ROWS]),
        column_weights: Some(&weights[..COLUMNS]),
        observe: |row, column, stars| Observation {
            weight: 0.5 + stars,
            target: (row + column as usize) as f32 * 0.01,
        },
        ridge: |row| 1.0 + row as f32,
    }
}

fn other(k: usize, seed: f32) -> Factors {
    let dense: Vec<f32> = (0..COLUMNS * k).map(|x| (x as f32 * seed).sin()).collect();
    Factors::from_dense(&dense, k)
}

fn f64s(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Half of the objective of a row and its gradient, by a plain loop.
fn loss<O, R>(half: &HalfEpoch<'_, O, R>, row: usize, x: &[f64], other: &[f32]) -> (f64, Vec<f64>)
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    let (columns, stars) = half.matrix.row(row);
    let ridge = f64::from((half.ridge)(row));
    let mut loss = ridge * dot(x, x) / 2.0;
    let mut gradient: Vec<f64> = x.iter().map(|x| ridge * x).collect();
    let mut add = |q: &[f64], weight: f32, target: f32| {
        let error = dot(x, q) - f64::from(target);
        loss += f64::from(weight) * error * error / 2.0;
        gradient.iter_mut().zip(q).for_each(|(g, q)| *g += f64::from(weight) * error * q);
    };
    for (q, column_weight) in other.chunks_exact(x.len()).zip(half.column_weights.unwrap()) {
        add(&f64s(q), half.row_weights.unwrap()[row] * column_weight, 0.0);
    }
    for (&column, &stars) in columns.iter().zip(stars) {
        let Observation { weight, target } = (half.observe)(row, column, stars);
        add(&f64s(&other[column as usize * x.len()..][..x.len()]), weight, target);
    }
    (loss, gradient)
}

proptest! {
    // The reference is slow, and one case already has forty rows of every kind.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rows_improved_repeatedly_satisfy_their_equations(
        k in 1usize..140,
        cells in cells(1..500),
        seed in 0.1f32..1.0,
    ) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let half = half_epoch(&matrix, &weights);
        let (mut other, mut rows) = (other(k, seed), Factors::from_dense(&vec![0.3; ROWS * k], k));
        for _ in 0..40 {
            prop_assert!(half.improve(&mut other, &mut rows).is_ok());
        }
        let (other, rows) = (other.into_dense(), rows.into_dense());
        for (row, x) in rows.chunks_exact(k).enumerate() {
            if matrix.columns(row).is_empty() {
                prop_assert!(x.iter().all(|&factor| factor == 0.0));
                continue;
            }
            let (_, at_zero) = loss(&half, row, &vec![0.0; k], &other);
            let (_, gradient) = loss(&half, row, &f64s(x), &other);
            let scale = dot(&at_zero, &at_zero).sqrt().max(1.0);
            prop_assert!(dot(&gradient, &gradient).sqrt() < 1e-3 * scale, "row {row}: {gradient:?}");
        }
    }

    #[test]
    fn an_improved_row_never_has_a_larger_loss(
        k in 1usize..80,
        cells in cells(1..300),
        seed in 0.1f32..1.0,
    ) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let half = half_epoch(&matrix, &weights);
        let (mut other, mut rows) = (other(k, seed), Factors::zero(ROWS, k));
        prop_assert!(half.improve(&mut other, &mut rows).is_ok());
        let (other, rows) = (other.into_dense(), rows.into_dense());
        for (row, x) in rows.chunks_exact(k).enumerate() {
            let (before, _) = loss(&half, row, &vec![0.0; k], &other);
            let (after, _) = loss(&half, row, &f64s(x), &other);
            prop_assert!(after <= before * (1.0 + 1e-6), "row {row}: {before} became {after}");
        }
    }

    #[test]
    fn the_axes_keep_dot_products_and_make_the_gram_matrix_a_diagonal(k in 1usize..140, seed in 0.1f32..1.0) {
        let (mut other, mut rows) = (other(k, seed), Factors::from_dense(&vec![0.3; ROWS * k], k));
        let product = |other: &Factors, rows: &Factors| -> f64 {
            dot(&f64s(&other.as_slice()[..other.stride()]), &f64s(&rows.as_slice()[..rows.stride()]))
        };
        let before = product(&other, &rows);
        let weights = weights(COLUMNS);
        let axes = Axes::of(&other, Some(&weights)).unwrap();
        axes.rotate(&mut other);
        axes.rotate(&mut rows);
        let after = product(&other, &rows);
        prop_assert!((before - after).abs() < 1e-4 * (1.0 + before.abs()), "{before} became {after}");
        // The Gram matrix is the diagonal of their values.
        let (gram, stride) = (products::gram(other.as_slice(), Some(&weights), other.stride()), other.stride());
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
    fn any_number_of_threads_gives_the_same_factors(k in 1usize..70, cells in cells(1..500)) {
        let matrix = matrix(&cells);
        let weights = weights(COLUMNS);
        let half = half_epoch(&matrix, &weights);
        let improve = |n_threads: usize| {
            let (mut other, mut rows) = (other(k, 0.7), Factors::zero(ROWS, k));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| (0..3).for_each(|_| half.improve(&mut other, &mut rows).unwrap()));
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
        // The square of this underflows to zero.
        q[10..190].iter_mut().for_each(|factor| *factor = 1e-30);
    }
    let axes = Axes::of(&side, None).unwrap();
    axes.rotate(&mut side);
    assert!(axes.values().iter().chain(side.as_slice()).all(|number| number.is_finite()));
}

#[test]
fn a_solved_row_stays_finite() {
    let matrix = matrix(&Cells::from([((0, 0), 4.0), ((0, 1), 4.0), ((1, 1), 3.0)]));
    let weights = weights(COLUMNS);
    let half = half_epoch(&matrix, &weights);
    let (mut other, mut rows) = (other(3, 0.7), Factors::zero(ROWS, 3));
    for _ in 0..200 {
        assert!(half.improve(&mut other, &mut rows).is_ok());
    }
}

#[test]
fn numbers_that_are_not_finite_are_an_error() {
    let cells = Cells::from([((0, 0), 1.0), ((1, 7), f32::INFINITY)]);
    let matrix = matrix(&cells);
    let weights = weights(COLUMNS);
    assert!(half_epoch(&matrix, &weights).improve(&mut other(5, 0.7), &mut Factors::zero(ROWS, 5)).is_err());
    let mut broken = other(5, 0.7);
    broken.as_mut_slice()[3] = f32::NAN;
    let finite = Csr::from_sorted(ROWS, [], Vec::new(), Vec::new());
    assert!(half_epoch(&finite, &weights).improve(&mut broken, &mut Factors::zero(ROWS, 5)).is_err());
}

#[test]
fn factors_convert_back_without_padding_at_any_address() {
    // All are kept, so that no two have the same address.
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
