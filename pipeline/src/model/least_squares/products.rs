//! Sums of products of factors, in tiles.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::PANEL;
use crate::tile::{self, ROWS, lanes, width};

/// Rows that the Gram matrix takes together. Fixed, so that its sums have a fixed order.
const GRAM_ROWS: usize = 1024;

/// Adds `left^T right` to the upper triangle of a square, tile by tile; what lies below is of no meaning.
#[inline(always)]
pub(super) fn add_products<S: Simd>(simd: S, left: &[f32], right: &[f32], stride: usize, square: &mut [f32]) {
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

/// The Gram matrix of factors (n_rows x k, row-major), times a scale: k x k, upper triangle. Cost: n_rows *
/// k^2 / 2 multiplications.
pub(in crate::model) fn gram(factors: &[f32], k: usize, scale: f32) -> Vec<f32> {
    let parts: Vec<Vec<f32>> =
        factors.par_chunks(GRAM_ROWS * k).map(|rows| Arch::new().dispatch(GramPart { rows, k })).collect();
    let mut sum = vec![0.0f64; k * k];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    sum.into_iter().map(|sum| (sum * f64::from(scale)) as f32).collect()
}

/// The Gram matrix of some rows.
struct GramPart<'a> {
    rows: &'a [f32],
    k: usize,
}

impl WithSimd for GramPart<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { rows, k } = self;
        let stride = k.next_multiple_of(width::<S>());
        let mut padded = vec![0.0; rows.len() / k * stride];
        for (padded, row) in padded.chunks_exact_mut(stride).zip(rows.chunks_exact(k)) {
            padded[..k].copy_from_slice(row);
        }
        let mut square = vec![0.0; stride * stride];
        for panel in padded.chunks(PANEL * stride) {
            add_products(simd, panel, panel, stride, &mut square);
        }
        square.chunks_exact(stride).take(k).flat_map(|row| row[..k].to_vec()).collect()
    }
}
