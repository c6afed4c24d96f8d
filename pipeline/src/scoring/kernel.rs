//! The inner loops of scoring: a few users against tiles of items, scores in registers.

use std::ops::Range;

use pulp::Simd;

use super::bounds::Bound;
use super::items::ItemTiles;
use super::selection::Selection;
use crate::tile::{self, ROWS, lanes, width};

/// Lays out the factors of at most [`ROWS`] users side by side, factor by factor (n_factors x ROWS).
pub(super) fn lay_out<'a>(users: impl Iterator<Item = &'a [f32]>, rows: &mut [f32]) {
    for (place, factors) in users.enumerate() {
        for (lanes, &factor) in rows.chunks_exact_mut(ROWS).zip(factors) {
            lanes[place] = factor;
        }
    }
}

/// Offers the items of some tiles to the selections of at most [`ROWS`] users. Stops before the first tile none of
/// whose items, or of those after it, can be among anyone's best.
#[inline(always)]
pub(super) fn score<S: Simd>(
    simd: S,
    rows: &[f32],
    items: &ItemTiles,
    tiles: Range<usize>,
    bound: Bound,
    selections: &mut [Selection<'_>],
) {
    let width = width::<S>();
    for tile in tiles {
        let cut = selections.iter().fold(f64::INFINITY, |cut, selection| cut.min(selection.cut()));
        if items.norm_from(tile) < cut {
            return;
        }
        let scores = tile::product(simd, rows, ROWS, items.tile(tile), width);
        let (first, tile_items) = items.items(tile);
        let smallest = items.smallest(tile);
        for (selection, sums) in selections.iter_mut().zip(&scores) {
            let threshold = selection.threshold(smallest);
            let least = simd.splat_f32s(threshold);
            let reach = simd.or_m32s(
                simd.greater_than_or_equal_f32s(sums[0], least),
                simd.greater_than_or_equal_f32s(sums[1], least),
            );
            if simd.first_true_m32s(reach) < S::F32_LANES {
                selection.offer(bound, first, tile_items, &lanes::<S>(sums)[..tile_items.len()], threshold);
            }
        }
    }
}
