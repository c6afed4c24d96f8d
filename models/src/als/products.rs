//! Sums of products of factors, in tiles.

use pulp::{Arch, Simd, WithSimd};
use ranking::tile::{self, ROWS, lanes, width};
use rayon::prelude::*;

/// Rows that the Gram matrix takes together, in float32. Fixed, so that its sums have a fixed order.
const GRAM_ROWS: usize = 1024;
/// Rows that a core's nearest caches hold.
const PANEL: usize = 128;

/// Adds `left^T right` to the upper triangle of a square, tile by tile; what lies below is of no meaning.
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

/// `sum over rows of weight * q q^T` for factors q (n_rows x stride, row-major): stride x stride, upper triangle.
/// Cost: n_rows * stride^2 / 2 multiplications.
pub(super) fn gram(factors: &[f32], weights: &[f32], stride: usize) -> Vec<f64> {
    let parts = factors
        .par_chunks(GRAM_ROWS * stride)
        .zip(weights.par_chunks(GRAM_ROWS))
        .map(|(rows, weights)| Arch::new().dispatch(GramPart { rows, weights, stride }))
        .collect::<Vec<_>>();
    let mut sum = vec![0.0; stride * stride];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    sum
}

/// The Gram matrix of some rows.
struct GramPart<'a> {
    rows: &'a [f32],
    weights: &'a [f32],
    stride: usize,
}

impl WithSimd for GramPart<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { rows, weights, stride } = self;
        let mut square = vec![0.0; stride * stride];
        let mut weighted = vec![0.0; PANEL * stride];
        for (panel, weights) in rows.chunks(PANEL * stride).zip(weights.chunks(PANEL)) {
            let weighted = &mut weighted[..panel.len()];
            let lines = weighted.chunks_exact_mut(stride).zip(panel.chunks_exact(stride)).zip(weights);
            for ((line, q), &weight) in lines {
                line.iter_mut().zip(q).for_each(|(cell, q)| *cell = weight * q);
            }
            add_products(simd, weighted, panel, stride, &mut square);
        }
        square
    }
}
