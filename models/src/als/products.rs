//! The Gram matrix of factors, computed in tiles.

use pulp::{Arch, Simd, WithSimd};
use ranking::tile::{self, ROWS, lanes, width};
use rayon::prelude::*;

/// Rows whose products are summed in f32. The number is fixed, so that the order of the sums is.
const GRAM_ROWS: usize = 1024;
/// Rows that fit a core's L1 and L2 caches.
const PANEL: usize = 128;

/// Adds `left^T right` to the upper triangle of a square, tile by tile; the part below the diagonal has no meaning.
#[inline(always)]
fn add_products<S: Simd>(simd: S, left: &[f32], right: &[f32], stride: usize, square: &mut [f32]) {
    for i in (0..stride).step_by(ROWS) {
        // The tile that holds the diagonal is the first.
        for j in (i / width::<S>() * width::<S>()..stride).step_by(width::<S>()) {
            let sums = tile::product(simd, &left[i..], stride, &right[j..], stride);
            for (line, sums) in square[i * stride..].chunks_mut(stride).zip(&sums) {
                line[j..].iter_mut().zip(lanes::<S>(sums)).for_each(|(cell, sum)| *cell += sum);
            }
        }
    }
}

/// `sum over rows of weight * q q^T` for factors q (n_rows x stride, row-major); weights are 1 if `None`. The
/// result is stride x stride, row-major, the upper triangle. Cost: n_rows * stride^2 / 2 multiplications.
pub(super) fn gram(factors: &[f32], weights: Option<&[f32]>, stride: usize) -> Vec<f64> {
    let parts = factors
        .par_chunks(GRAM_ROWS * stride)
        .enumerate()
        .map(|(part, rows)| {
            let weights = weights.map(|weights| &weights[part * GRAM_ROWS..]);
            Arch::new().dispatch(GramPart { rows, weights, stride })
        })
        .collect::<Vec<_>>();
    let mut sum = vec![0.0; stride * stride];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    sum
}

/// The Gram matrix of some rows, with the vectors of the machine.
struct GramPart<'a> {
    rows: &'a [f32],
    /// Weights of these rows and any after them; 1 if `None`.
    weights: Option<&'a [f32]>,
    stride: usize,
}

impl WithSimd for GramPart<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { rows, weights, stride } = self;
        let mut square = vec![0.0; stride * stride];
        let mut weighted = vec![0.0; PANEL * stride];
        for (number, panel) in rows.chunks(PANEL * stride).enumerate() {
            let Some(weights) = weights else {
                add_products(simd, panel, panel, stride, &mut square);
                continue;
            };
            let (weights, weighted) = (&weights[number * PANEL..], &mut weighted[..panel.len()]);
            let lines = weighted.chunks_exact_mut(stride).zip(panel.chunks_exact(stride)).zip(weights);
            for ((line, q), &weight) in lines {
                line.iter_mut().zip(q).for_each(|(cell, q)| *cell = weight * q);
            }
            add_products(simd, weighted, panel, stride, &mut square);
        }
        square
    }
}
