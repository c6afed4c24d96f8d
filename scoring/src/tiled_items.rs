//! The item factors in tiles, in the order in which they are scored: largest norm first.
//!
//! The order is stable within classes of nearly equal norms. The *place* of an item is its position in this
//! order. Factors are laid out panel by panel, when a user first needs the panel: most users need only the
//! first ones.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::OnceLock;

use pulp::Arch;
use ranking::tile::machine_width;
use rayon::prelude::*;

use super::bounds::norm;
use super::screen::ScreenTile;

/// Approximate size of a panel, in bytes: half of a common L2 cache.
const PANEL_BYTES: usize = 512 << 10;
/// Classes of norms in an octave, a power of two.
const CLASSES: u32 = 64;

/// The items in tiles of `width` items, the tiles in panels for the cache.
#[derive(Debug)]
pub(super) struct TiledItems<'a> {
    /// n_items x n_factors, row-major.
    factors: Cow<'a, [f32]>,
    n_factors: usize,
    n_items: usize,
    /// The item at each place; `u32::MAX` from the last item to the end of its tile.
    items: Vec<u32>,
    /// The place of each item.
    places: Vec<u32>,
    /// Items in a tile, which depends on the vectors of the machine.
    width: usize,
    /// The greatest norm of each tile's items and of all items after it.
    norms: Vec<f64>,
    /// The smallest item index of each tile.
    smallest: Vec<u32>,
    tiles_per_panel: usize,
    panels: Vec<Panel>,
}

/// Neighboring tiles, laid out on first use.
#[derive(Debug, Default)]
struct Panel {
    /// Tile by tile, n_factors x width: for each factor the items side by side.
    factors: OnceLock<Vec<f32>>,
    screen: OnceLock<Vec<ScreenTile>>,
}

impl<'a> TiledItems<'a> {
    /// Orders items (n_items x n_factors, row-major) by descending norm.
    pub(super) fn largest_norm_first(factors: Cow<'a, [f32]>, n_factors: usize) -> Self {
        Self::by(factors, n_factors, |norm| Reverse(class(norm)))
    }

    /// The same items in the order of their indices.
    pub(super) fn by_index(&self) -> TiledItems<'static> {
        TiledItems::by(self.factors.to_vec().into(), self.n_factors, |_| ())
    }

    fn by<K: Ord>(factors: Cow<'a, [f32]>, n_factors: usize, key: impl Fn(f64) -> K + Sync) -> Self {
        let norm_of: Vec<f64> = factors.par_chunks_exact(n_factors).map(norm).collect();
        let (n_items, width) = (norm_of.len(), machine_width());
        let mut items: Vec<u32> = (0..n_items as u32).collect();
        items.par_sort_by_key(|&item| key(norm_of[item as usize]));
        let mut places = vec![0; n_items];
        for (&item, place) in items.iter().zip(0..) {
            places[item as usize] = place;
        }
        let greatest =
            |items: &[u32]| items.iter().fold(0.0, |most: f64, &item| most.max(norm_of[item as usize]));
        let mut norms: Vec<_> = items.chunks(width).map(greatest).collect();
        for tile in (1..norms.len()).rev() {
            norms[tile - 1] = norms[tile - 1].max(norms[tile]);
        }
        let smallest = items.chunks(width).filter_map(|items| items.iter().copied().min()).collect();
        let tiles_per_panel = (PANEL_BYTES / size_of::<f32>() / (n_factors * width)).max(1);
        let panels = norms.chunks(tiles_per_panel).map(|_| Panel::default()).collect();
        items.resize(n_items.next_multiple_of(width), u32::MAX);
        Self { factors, n_factors, n_items, items, places, width, norms, smallest, tiles_per_panel, panels }
    }

    /// The number of items.
    pub(super) fn len(&self) -> usize {
        self.n_items
    }

    /// The number of tiles.
    pub(super) fn n_tiles(&self) -> usize {
        self.norms.len()
    }

    /// The number of items in a tile.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Splits a range of tiles into ranges that lie in one panel each.
    pub(super) fn panels(&self, tiles: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let per_panel = self.tiles_per_panel;
        let panels = tiles.start / per_panel..tiles.end.div_ceil(per_panel);
        panels.map(move |panel| tiles.start.max(panel * per_panel)..tiles.end.min((panel + 1) * per_panel))
    }

    /// The first tile from which on all norms are below `cut`.
    pub(super) fn tiles_above(&self, cut: f64) -> usize {
        self.norms.partition_point(|&norm| norm >= cut)
    }

    /// The factors of a tile (n_factors x width), zeros after the last item.
    pub(super) fn tile(&self, tile: usize) -> &[f32] {
        let (panel, tile) = (tile / self.tiles_per_panel, tile % self.tiles_per_panel);
        let tile_len = self.n_factors * self.width;
        let factors = self.panels[panel].factors.get_or_init(|| {
            let items = self.items_of_panel(panel);
            let mut tiles = vec![0.0; items.len().div_ceil(self.width) * tile_len];
            for (tile, items) in tiles.chunks_exact_mut(tile_len).zip(items.chunks(self.width)) {
                for (lane, &item) in items.iter().enumerate() {
                    for (lanes, &factor) in tile.chunks_exact_mut(self.width).zip(self.factors(item)) {
                        lanes[lane] = factor;
                    }
                }
            }
            tiles
        });
        &factors[tile * tile_len..][..tile_len]
    }

    /// A tile quantized for the screen.
    pub(super) fn screen_tile(&self, tile: usize) -> &ScreenTile {
        let (panel, tile) = (tile / self.tiles_per_panel, tile % self.tiles_per_panel);
        let tiles = self.panels[panel].screen.get_or_init(|| {
            let tiles = self.items_of_panel(panel).chunks(self.width).map(|items| {
                let factors = items.iter().map(|&item| self.factors(item));
                Arch::new().dispatch(
                    #[inline(always)]
                    || ScreenTile::new(factors, self.n_factors),
                )
            });
            tiles.collect()
        });
        &tiles[tile]
    }

    fn items_of_panel(&self, panel: usize) -> &[u32] {
        let per_panel = self.tiles_per_panel * self.width;
        &self.items[panel * per_panel..self.n_items.min((panel + 1) * per_panel)]
    }

    /// The place of a tile's first item, and the tile's items, `width` at most.
    pub(super) fn items(&self, tile: usize) -> (usize, &[u32]) {
        let first = tile * self.width;
        (first, &self.items[first..self.n_items.min(first + self.width)])
    }

    /// The tile's items, padded with `u32::MAX` to `width`.
    pub(super) fn padded_items(&self, tile: usize) -> &[u32] {
        &self.items[tile * self.width..][..self.width]
    }

    /// The factors of an item.
    pub(super) fn factors(&self, item: u32) -> &[f32] {
        &self.factors[item as usize * self.n_factors..][..self.n_factors]
    }

    /// The place of an item.
    pub(super) fn place(&self, item: u32) -> usize {
        self.places[item as usize] as usize
    }

    /// The greatest norm of a tile's items and of all items after it.
    pub(super) fn norm_from(&self, tile: usize) -> f64 {
        self.norms[tile]
    }

    /// The smallest item index of a tile.
    pub(super) fn smallest(&self, tile: usize) -> u32 {
        self.smallest[tile]
    }
}

/// The class of a norm. Nearly equal norms have the same class; a greater norm has a greater class.
fn class(norm: f64) -> u64 {
    norm.to_bits() >> (f64::MANTISSA_DIGITS - 1 - CLASSES.ilog2())
}
