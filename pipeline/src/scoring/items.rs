//! The items in the order in which they are scored: the longest factors first.

use std::ops::Range;

use rayon::prelude::*;

use super::bounds::norm;
use crate::tile::machine_width;

/// About how much of the item factors a core works on at once, in bytes: half of a common L2 cache.
const PANEL_BYTES: usize = 512 << 10;
/// Classes of norms in an octave. Within a class items keep their order.
const CLASSES: u32 = 64;

/// The item factors in tiles: `width` items side by side, factor by factor. Their norms descend.
#[derive(Debug)]
pub(super) struct ItemTiles {
    /// Tile by tile: n_factors x width.
    tiles: Vec<f32>,
    /// Items in a tile: what the machine's vectors make of it.
    width: usize,
    n_factors: usize,
    /// The item at each place, and the place of each item.
    items: Vec<u32>,
    places: Vec<u32>,
    /// The greatest norm from a tile on.
    norms: Vec<f64>,
    /// The smallest item of a tile.
    smallest: Vec<u32>,
}

impl ItemTiles {
    /// Lays out item factors (n_items x n_factors, row-major); the last tile is filled up with zeros.
    pub(super) fn new(item_factors: &[f32], n_factors: usize) -> Self {
        let width = machine_width();
        let norm_of: Vec<f64> = item_factors.par_chunks_exact(n_factors).map(norm).collect();
        let n_items = norm_of.len();
        let mut items: Vec<u32> = (0..n_items as u32).collect();
        items.par_sort_by_key(|&item| std::cmp::Reverse(class(norm_of[item as usize])));
        let mut places = vec![0; n_items];
        for (&item, place) in items.iter().zip(0..) {
            places[item as usize] = place;
        }
        let mut tiles = vec![0.0; n_items.div_ceil(width) * n_factors * width];
        tiles.par_chunks_exact_mut(n_factors * width).zip(items.par_chunks(width)).for_each(
            |(tile, items)| {
                for (lane, &item) in items.iter().enumerate() {
                    let factors = &item_factors[item as usize * n_factors..][..n_factors];
                    for (lanes, &factor) in tile.chunks_exact_mut(width).zip(factors) {
                        lanes[lane] = factor;
                    }
                }
            },
        );
        let mut norms: Vec<_> = items
            .chunks(width)
            .map(|items| items.iter().fold(0.0f64, |most, &item| most.max(norm_of[item as usize])))
            .collect();
        for tile in (1..norms.len()).rev() {
            norms[tile - 1] = norms[tile].max(norms[tile - 1]);
        }
        let smallest = items.chunks(width).map(|items| items.iter().copied().min().unwrap_or(0)).collect();
        Self { tiles, width, n_factors, items, places, norms, smallest }
    }

    /// The number of items.
    pub(super) fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The number of tiles.
    pub(super) fn n_tiles(&self) -> usize {
        self.norms.len()
    }

    /// Items in a tile.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The factors of a tile.
    pub(super) fn tile(&self, tile: usize) -> &[f32] {
        let tile_len = self.n_factors * self.width;
        &self.tiles[tile * tile_len..][..tile_len]
    }

    /// The place of a tile's first item, and the tile's items.
    pub(super) fn items(&self, tile: usize) -> (usize, &[u32]) {
        let first = tile * self.width;
        (first, &self.items[first..self.items.len().min(first + self.width)])
    }

    /// The place of an item.
    pub(super) fn place(&self, item: u32) -> usize {
        self.places[item as usize] as usize
    }

    /// The greatest norm of a tile's items and those of all after it.
    pub(super) fn norm_from(&self, tile: usize) -> f64 {
        self.norms[tile]
    }

    /// The smallest item of a tile.
    pub(super) fn smallest(&self, tile: usize) -> u32 {
        self.smallest[tile]
    }

    /// The tiles from one on, in panels of a size for the cache.
    pub(super) fn panels(&self, from: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let n_tiles = self.n_tiles();
        let tiles_per_panel = (PANEL_BYTES / size_of::<f32>() / (self.n_factors * self.width)).max(1);
        (from..n_tiles).step_by(tiles_per_panel).map(move |first| first..n_tiles.min(first + tiles_per_panel))
    }
}

/// Norms that differ little are of the same class; the greater the norm, the greater the class.
fn class(norm: f64) -> u64 {
    norm.to_bits() >> (f64::MANTISSA_DIGITS - 1 - CLASSES.ilog2())
}
