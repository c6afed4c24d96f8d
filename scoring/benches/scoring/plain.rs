//! The plain reference: every item of every user in the same registers, in the order of the items, without
//! bounds. Scoring must never be slower, and its lists must be equal to the bit.

use std::ops::Range;

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use ranking::RankingFactors;
use rayon::prelude::*;
use scoring::Scored;

const ROWS: usize = 8;
const BLOCK: usize = 64;
const PANEL_BYTES: usize = 512 << 10;

/// The lists of a range of users.
pub(crate) fn top_n(factors: &RankingFactors, seen: &Csr, n: usize, users: Range<usize>) -> Vec<Vec<Scored>> {
    let width = Arch::new().dispatch(Width);
    let n_items = factors.item_factors.len() / factors.n_factors;
    let mut tiles = vec![0.0; n_items.div_ceil(width) * factors.n_factors * width];
    for (item, factors) in factors.item_factors.chunks_exact(factors.n_factors).enumerate() {
        let tile = &mut tiles[item / width * factors.len() * width..];
        for (lanes, &factor) in tile.chunks_exact_mut(width).zip(factors) {
            lanes[item % width] = factor;
        }
    }
    let blocks: Vec<_> = users.clone().step_by(BLOCK).collect();
    let lists = blocks.into_par_iter().map(|first| {
        let users = first..users.end.min(first + BLOCK);
        Arch::new().dispatch(Block { factors, seen, n, users, tiles: &tiles, n_items })
    });
    lists.collect::<Vec<_>>().into_iter().flatten().collect()
}

struct Width;

impl WithSimd for Width {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * S::F32_LANES
    }
}

struct Block<'a> {
    factors: &'a RankingFactors,
    seen: &'a Csr,
    n: usize,
    users: Range<usize>,
    tiles: &'a [f32],
    n_items: usize,
}

impl WithSimd for Block<'_> {
    type Output = Vec<Vec<Scored>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let (k, width) = (self.factors.n_factors, 2 * S::F32_LANES);
        let mut rows = vec![0.0; self.users.len().div_ceil(ROWS) * ROWS * k];
        for (place, user) in self.users.clone().enumerate() {
            let rows = &mut rows[place / ROWS * ROWS * k..];
            for (lanes, &factor) in rows.chunks_exact_mut(ROWS).zip(self.factors.user(user)) {
                lanes[place % ROWS] = factor;
            }
        }
        let mut selections: Vec<_> =
            self.users.clone().map(|user| Selection::new(self.n, self.seen.columns(user))).collect();
        let panel = (PANEL_BYTES / 4 / (k * width)).max(1);
        for (number, tiles) in self.tiles.chunks(panel * k * width).enumerate() {
            for (rows, selections) in rows.chunks_exact(ROWS * k).zip(selections.chunks_mut(ROWS)) {
                for (tile, first) in
                    tiles.chunks_exact(k * width).zip((number * panel * width..).step_by(width))
                {
                    let sums = product(simd, rows, tile);
                    let n_items = width.min(self.n_items - first);
                    for (selection, sums) in selections.iter_mut().zip(&sums) {
                        let scores: &[f32] = pulp::bytemuck::cast_slice(sums);
                        selection.offer(&scores[..n_items], first as u32);
                    }
                }
            }
        }
        selections.into_iter().map(Selection::finish).collect()
    }
}

#[inline(always)]
fn product<S: Simd>(simd: S, rows: &[f32], tile: &[f32]) -> [[S::f32s; 2]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    for (users, items) in rows.chunks_exact(ROWS).zip(tile.chunks_exact(2 * S::F32_LANES)) {
        let (items, _) = S::as_simd_f32s(items);
        let items = [items[0], items[1]];
        for (sums, &user) in sums.iter_mut().zip(users) {
            for (sum, item) in sums.iter_mut().zip(items) {
                *sum = simd.mul_add_f32s(simd.splat_f32s(user), item, *sum);
            }
        }
    }
    sums
}

struct Selection<'a> {
    n: usize,
    held: Vec<Scored>,
    threshold: f32,
    seen: &'a [u32],
}

impl<'a> Selection<'a> {
    fn new(n: usize, seen: &'a [u32]) -> Self {
        Self { n, held: Vec::with_capacity(2 * n), threshold: f32::NEG_INFINITY, seen }
    }

    #[inline(always)]
    fn offer(&mut self, scores: &[f32], first: u32) {
        let threshold = self.threshold;
        if !scores.iter().fold(false, |any, &score| any | (score > threshold)) {
            return;
        }
        for (&score, item) in scores.iter().zip(first..) {
            if score > self.threshold {
                self.take(Scored { item, score });
            }
        }
    }

    fn take(&mut self, candidate: Scored) {
        let passed = self.seen.iter().take_while(|&&seen| seen < candidate.item).count();
        self.seen = &self.seen[passed..];
        if self.seen.first() == Some(&candidate.item) {
            return;
        }
        self.held.push(candidate);
        if self.held.len() == 2 * self.n {
            self.held.select_nth_unstable_by(self.n - 1, best_first);
            self.held.truncate(self.n);
            self.threshold = self.held[self.n - 1].score;
        }
    }

    fn finish(mut self) -> Vec<Scored> {
        self.held.sort_unstable_by(best_first);
        self.held.truncate(self.n);
        self.held.shrink_to_fit();
        self.held
    }
}

fn best_first(a: &Scored, b: &Scored) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
}
