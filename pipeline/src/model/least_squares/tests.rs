//! Solved rows against the equations that they must satisfy.

use proptest::prelude::*;

use super::*;

proptest! {
    // The reference is slow, and one case already has forty rows of every kind.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_solved_row_satisfies_its_equations_by_a_slow_reference(
        k in 1usize..140,
        cells in prop::collection::btree_map((0u32..40, 0u32..300), 0.5f32..5.0, 1..500),
        seed in 0.1f32..1.0,
    ) {
        let rows: Vec<_> = cells.keys().map(|key| key.0).collect();
        let columns = cells.keys().map(|key| key.1).collect();
        let matrix = Csr::from_sorted(40, rows, columns, cells.values().copied().collect());
        let other: Vec<f32> = (0..300 * k).map(|x| (x as f32 * seed).sin()).collect();
        let product = |i: usize, j: usize| other.chunks_exact(k).map(|q| q[i] * q[j]).sum::<f32>();
        let base: Vec<f32> = (0..k * k).map(|cell| 0.01 * product(cell / k, cell % k)).collect();
        let side = Side {
            matrix: &matrix,
            other: &other,
            n_factors: k,
            base: Some(&base),
            observe: |row: usize, column: u32, stars: f32| Observation {
                weight: 0.5 + stars,
                target: (row + column as usize) as f32 * 0.01,
            },
            ridge: |n: usize| 1.0 + n as f32,
        };
        let mut factors = vec![7.0; 40 * k];
        prop_assert!(side.solve(&mut factors).is_ok());

        for (row, factors) in factors.chunks_exact(k).enumerate() {
            let (columns, stars) = matrix.row(row);
            if columns.is_empty() {
                prop_assert!(factors.iter().all(|&factor| factor == 0.0));
                continue;
            }
            // The gradient of the loss must vanish.
            let f64s = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
            let p = f64s(factors);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let ridge = f64::from((side.ridge)(columns.len()));
            let mut gradient: Vec<f64> = p.iter().map(|p| ridge * p).collect();
            let mut scale = 1.0f64;
            for q in other.chunks_exact(k).map(f64s) {
                let predicted = 0.01 * dot(&p, &q);
                gradient.iter_mut().zip(&q).for_each(|(g, q)| *g += predicted * q);
            }
            for (&column, &stars) in columns.iter().zip(stars) {
                let q = f64s(&other[column as usize * k..][..k]);
                let Observation { weight, target } = (side.observe)(row, column, stars);
                let error = f64::from(weight) * (dot(&p, &q) - f64::from(target));
                scale = scale.max(f64::from(weight) * f64::from(target) * columns.len() as f64);
                gradient.iter_mut().zip(&q).for_each(|(g, q)| *g += error * q);
            }
            for g in gradient {
                prop_assert!(g.abs() < 1e-3 * scale, "gradient {g} at scale {scale}");
            }
        }
    }
}
