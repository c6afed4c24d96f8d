//! The inner loops: a few users against a panel of items, scores in registers.
//!
//! The loops are written so that the compiler turns a tile's lanes into vectors of whatever width the machine
//! has; a lane is one item, so the width never changes the order in which a score is summed.

use super::selection::{Scored, Selection};

/// Items scored side by side: two vectors of the widest machines.
const LANES: usize = 32;
/// Users scored side by side: with the lanes, sixteen accumulators.
pub(super) const ROWS: usize = 8;
/// About how much of the item factors a core works on at once, in bytes: half of a common L2 cache.
const PANEL_BYTES: usize = 512 << 10;

/// The item factors in tiles: `LANES` items side by side, factor by factor.
#[derive(Debug)]
pub struct ItemPanels {
    tiles: Vec<[f32; LANES]>,
    n_factors: usize,
    n_items: usize,
}

/// Some neighbouring tiles.
pub(super) struct Panel<'a> {
    tiles: &'a [[f32; LANES]],
    n_factors: usize,
    first_item: usize,
    n_items: usize,
}

impl ItemPanels {
    /// Lays out item factors (n_items x n_factors, row-major); the last tile is filled up with zeros.
    #[must_use]
    pub fn new(item_factors: &[f32], n_factors: usize) -> Self {
        let n_items = item_factors.len() / n_factors;
        let mut tiles = vec![[0.0; LANES]; n_items.div_ceil(LANES) * n_factors];
        for (item, row) in item_factors.chunks_exact(n_factors).enumerate() {
            let tile = &mut tiles[item / LANES * n_factors..][..n_factors];
            for (lanes, &factor) in tile.iter_mut().zip(row) {
                lanes[item % LANES] = factor;
            }
        }
        Self { tiles, n_factors, n_items }
    }

    /// The number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The items in panels of a size for the cache, ascending.
    pub(super) fn panels(&self) -> impl Iterator<Item = Panel<'_>> {
        let tile_bytes = self.n_factors * size_of::<[f32; LANES]>();
        let tiles_per_panel = (PANEL_BYTES / tile_bytes).max(1);
        let panels = self.tiles.chunks(tiles_per_panel * self.n_factors).enumerate();
        panels.map(move |(number, tiles)| {
            let first_item = number * tiles_per_panel * LANES;
            Panel { tiles, n_factors: self.n_factors, first_item, n_items: self.n_items }
        })
    }
}

/// Offers the items of a panel to the selections of at most [`ROWS`] users.
#[inline(always)]
pub(super) fn score(rows: &[&[f32]], panel: &Panel<'_>, selections: &mut [Selection<'_>]) {
    // Rows that are not there repeat the first; their scores are not looked at.
    let users: [&[f32]; ROWS] = std::array::from_fn(|row| *rows.get(row).unwrap_or(&rows[0]));
    for (tile, first_item) in
        panel.tiles.chunks_exact(panel.n_factors).zip((panel.first_item..).step_by(LANES))
    {
        let scores = score_tile(users, tile);
        let n_lanes = LANES.min(panel.n_items - first_item);
        for (selection, scores) in selections.iter_mut().zip(&scores) {
            offer_tile(selection, &scores[..n_lanes], first_item);
        }
    }
}

/// The scores of each user for each item of a tile.
#[inline(always)]
fn score_tile(users: [&[f32]; ROWS], tile: &[[f32; LANES]]) -> [[f32; LANES]; ROWS] {
    let mut scores = [[0.0f32; LANES]; ROWS];
    let users = users.map(|user| &user[..tile.len()]);
    for (factor, lanes) in tile.iter().enumerate() {
        for (scores, user) in scores.iter_mut().zip(users) {
            let weight = user[factor];
            for (score, lane) in scores.iter_mut().zip(lanes) {
                *score += weight * lane;
            }
        }
    }
    scores
}

/// Offers the scores of a tile that exceed the threshold; mostly none does.
#[inline(always)]
fn offer_tile(selection: &mut Selection<'_>, scores: &[f32], first_item: usize) {
    let threshold = selection.threshold();
    if selection.is_full() && !scores.iter().fold(false, |any, &score| any | (score > threshold)) {
        return;
    }
    for (lane, &score) in scores.iter().enumerate() {
        if !selection.is_full() || score > selection.threshold() {
            selection.offer(Scored { item: (first_item + lane) as u32, score });
        }
    }
}
