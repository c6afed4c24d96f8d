//! The inner loops of scoring: a few users against a panel of items, scores in registers.

use pulp::Simd;

use super::selection::{Scored, Selection};
use crate::tile::{self, ROWS, lanes, width};

/// About how much of the item factors a core works on at once, in bytes: half of a common L2 cache.
const PANEL_BYTES: usize = 512 << 10;

/// The item factors in tiles: `width` items side by side, factor by factor.
#[derive(Debug)]
pub(super) struct ItemTiles {
    /// Tile by tile: n_factors x width.
    tiles: Vec<f32>,
    /// Items in a tile: what the machine's vectors make of it.
    width: usize,
    n_factors: usize,
    n_items: usize,
}

/// Some neighbouring tiles.
pub(super) struct Panel<'a> {
    tiles: &'a [f32],
    first_item: usize,
}

/// The factors of [`ROWS`] users side by side, factor by factor; users that are not there are zero.
pub(super) struct UserRows(Vec<f32>);

impl ItemTiles {
    /// Lays out item factors (n_items x n_factors, row-major); the last tile is filled up with zeros.
    pub(super) fn new(item_factors: &[f32], n_factors: usize) -> Self {
        let width = tile::machine_width();
        let n_items = item_factors.len() / n_factors;
        let mut tiles = vec![0.0; n_items.div_ceil(width) * n_factors * width];
        for (item, factors) in item_factors.chunks_exact(n_factors).enumerate() {
            let tile = &mut tiles[item / width * n_factors * width..][..n_factors * width];
            for (lanes, &factor) in tile.chunks_exact_mut(width).zip(factors) {
                lanes[item % width] = factor;
            }
        }
        Self { tiles, width, n_factors, n_items }
    }

    /// The number of items.
    pub(super) fn n_items(&self) -> usize {
        self.n_items
    }

    /// The items in panels of a size for the cache, ascending.
    pub(super) fn panels(&self) -> impl Iterator<Item = Panel<'_>> {
        let tile_len = self.n_factors * self.width;
        let tiles_per_panel = (PANEL_BYTES / size_of::<f32>() / tile_len).max(1);
        let panels = self.tiles.chunks(tiles_per_panel * tile_len).enumerate();
        panels.map(move |(number, tiles)| Panel { tiles, first_item: number * tiles_per_panel * self.width })
    }
}

impl UserRows {
    /// Lays out the factors of at most [`ROWS`] users.
    pub(super) fn new<'a>(users: impl Iterator<Item = &'a [f32]>, n_factors: usize) -> Self {
        let mut rows = vec![0.0; n_factors * ROWS];
        for (place, factors) in users.enumerate() {
            for (lanes, &factor) in rows.chunks_exact_mut(ROWS).zip(factors) {
                lanes[place] = factor;
            }
        }
        Self(rows)
    }
}

/// Offers the items of a panel to the selections of at most [`ROWS`] users.
#[inline(always)]
pub(super) fn score<S: Simd>(
    simd: S,
    users: &UserRows,
    items: &ItemTiles,
    panel: &Panel<'_>,
    selections: &mut [Selection<'_>],
) {
    let tile_len = items.n_factors * width::<S>();
    let first_items = (panel.first_item..).step_by(width::<S>());
    for (tile, first_item) in panel.tiles.chunks_exact(tile_len).zip(first_items) {
        let scores = tile::product(simd, &users.0, ROWS, tile, width::<S>());
        let n_items = width::<S>().min(items.n_items - first_item);
        for (selection, sums) in selections.iter_mut().zip(&scores) {
            offer(selection, &lanes::<S>(sums)[..n_items], first_item);
        }
    }
}

/// Offers the scores that exceed the threshold; mostly none does.
#[inline(always)]
fn offer(selection: &mut Selection<'_>, scores: &[f32], first_item: usize) {
    let threshold = selection.threshold();
    if !scores.iter().fold(false, |any, &score| any | (score > threshold)) {
        return;
    }
    for (lane, &score) in scores.iter().enumerate() {
        if score > selection.threshold() {
            selection.offer(Scored { item: (first_item + lane) as u32, score });
        }
    }
}
