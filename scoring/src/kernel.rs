//! The inner loops of scoring: a tile of users against tiles of items, with scores in registers.

use std::ops::Range;

use pulp::Simd;
use ranking::tile::{self, ROWS, lanes, width};

use super::Scorer;
use super::screen::{Screen, ScreenUsers};
use super::selection::{PENDING, TopNSelection};
use super::tiled_items::TiledItems;

/// Most pairs of a tile that are scored one by one. With more, scoring the whole tile is cheaper.
const MAX_SINGLE_PAIRS: u32 = 24;
/// Most tiles that are scored without the screen after it has let too many pairs through.
const MAX_PAUSE: usize = 32;

/// The factors of at most [`ROWS`] users, laid out for the loops.
#[derive(Debug, Default)]
pub(super) struct UserTile {
    /// n_factors x ROWS: for each factor the users side by side; zeros for missing users.
    factors: Vec<f32>,
    screen: ScreenUsers,
}

/// Numbers of scores that have been computed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ScoreCounts {
    /// Scores in f32, those of seen items included.
    pub in_full: u64,
    /// Scores in 8 bits, by the screen.
    pub in_8_bits: u64,
}

/// The loops, with their data.
pub(super) struct Kernel<'a, 'f, S> {
    pub(super) simd: S,
    pub(super) items: &'a TiledItems<'f>,
    pub(super) scorer: &'a Scorer<'f>,
    pub(super) counts: ScoreCounts,
}

impl UserTile {
    /// Lays out the factors of the users of some selections.
    #[inline(always)]
    pub(super) fn fill(&mut self, scorer: &Scorer<'_>, users: &[TopNSelection<'_>]) {
        self.factors.clear();
        self.factors.resize(scorer.items.n_factors * ROWS, 0.0);
        for (row, selection) in users.iter().enumerate() {
            let factors = scorer.user(selection.user);
            for (lanes, &factor) in self.factors.chunks_exact_mut(ROWS).zip(factors) {
                lanes[row] = factor;
            }
        }
    }

    /// Quantizes the factors of the users of some selections for the screen.
    #[inline(always)]
    pub(super) fn fill_screen(&mut self, scorer: &Scorer<'_>, users: &[TopNSelection<'_>]) {
        let users = users.iter().map(|selection| scorer.user(selection.user));
        self.screen.fill(users, scorer.items.n_factors, scorer.items.bound);
    }
}

impl<S: Simd> Kernel<'_, '_, S> {
    /// Offers the items of some tiles to the selections of at most [`ROWS`] users. Stops before the first
    /// tile from which on no item can be among the best of any user.
    #[inline(always)]
    pub(super) fn score(&mut self, users: &UserTile, tiles: Range<usize>, group: &mut [TopNSelection<'_>]) {
        for tile in tiles {
            if self.items.norm_from(tile) < least_cut(group) {
                return;
            }
            self.score_tile(users, tile, group);
        }
    }

    /// Does the same as [`Self::score`], with the screen before each tile.
    #[inline(always)]
    pub(super) fn screen(
        &mut self,
        screen: Screen,
        users: &UserTile,
        tiles: Range<usize>,
        group: &mut [TopNSelection<'_>],
    ) {
        let mut thresholds = GroupThresholds::of(group);
        // The screen pauses after it has let too many pairs through.
        let (mut pause, mut next_pause) = (0, 1);
        for tile in tiles {
            if self.items.norm_from(tile) < thresholds.cut {
                return;
            }
            if pause > 0 {
                pause -= 1;
                self.score_tile(users, tile, group);
                thresholds = GroupThresholds::of(group);
                continue;
            }
            self.counts.in_8_bits += (width::<S>() * group.len()) as u64;
            let of_tile = thresholds.for_items_from(self.items.smallest(tile));
            let mut reach = screen.reach(&users.screen, self.items.screen_tile(tile), &of_tile);
            if reach == [0; ROWS] {
                continue;
            }
            let (first, items) = self.items.items(tile);
            let mut n_pairs = 0;
            for (reach, selection) in reach.iter_mut().zip(group.iter()) {
                *reach &= selection.unseen(first, items.len());
                n_pairs += reach.count_ones();
            }
            if n_pairs > MAX_SINGLE_PAIRS {
                pause = next_pause;
                next_pause = (2 * next_pause).min(MAX_PAUSE);
                self.score_tile(users, tile, group);
                thresholds = GroupThresholds::of(group);
                continue;
            }
            next_pause = (next_pause / 2).max(1);
            let mut has_scored = false;
            for (mut reach, selection) in reach.into_iter().zip(group.iter_mut()) {
                while reach != 0 {
                    let lane = reach.trailing_zeros() as usize;
                    reach &= reach - 1;
                    if selection.postpone(items[lane]) {
                        self.score_pending(selection);
                        has_scored = true;
                    }
                }
            }
            if has_scored {
                thresholds = GroupThresholds::of(group);
            }
        }
    }

    #[inline(always)]
    fn score_tile(&mut self, users: &UserTile, tile: usize, group: &mut [TopNSelection<'_>]) {
        let (simd, items) = (self.simd, self.items);
        self.counts.in_full += (width::<S>() * group.len()) as u64;
        let scores = tile::product(simd, &users.factors, ROWS, items.tile(tile), width::<S>());
        let (first, tile_items) = items.items(tile);
        let smallest = items.smallest(tile);
        let (numbers, _) = S::as_simd_u32s(items.padded_items(tile));
        for (selection, sums) in group.iter_mut().zip(&scores) {
            let least = simd.splat_f32s(selection.threshold(smallest));
            let reach = |sums| simd.greater_than_or_equal_f32s(sums, least);
            if simd.first_true_m32s(simd.or_m32s(reach(sums[0]), reach(sums[1]))) == S::F32_LANES {
                continue;
            }
            // This is rare. If many scores are equal, most of them only equal the last.
            let above = simd.splat_f32s(selection.threshold(u32::MAX));
            let last = simd.splat_u32s(selection.last_item());
            let exceeds = |sums, items| {
                let tie = simd.and_m32s(reach(sums), simd.less_than_u32s(items, last));
                simd.or_m32s(simd.greater_than_or_equal_f32s(sums, above), tie)
            };
            let exceed = simd.or_m32s(exceeds(sums[0], numbers[0]), exceeds(sums[1], numbers[1]));
            if simd.first_true_m32s(exceed) < S::F32_LANES {
                selection.offer_tile(first, tile_items, &lanes::<S>(sums)[..tile_items.len()]);
            }
        }
    }

    /// Scores the pending items of a selection and offers them to it.
    #[inline(always)]
    pub(super) fn score_pending(&mut self, selection: &mut TopNSelection<'_>) {
        let user = self.scorer.user(selection.user);
        let k = user.len();
        let pending = *selection.pending();
        let items: [&[f32]; PENDING] = pending.map(|item| &self.items.factors(item)[..k]);
        let mut scores = [0.0f32; PENDING];
        for d in 0..k {
            for (score, item) in scores.iter_mut().zip(&items) {
                *score = user[d].mul_add(item[d], *score);
            }
        }
        self.counts.in_full += PENDING as u64;
        selection.offer_pending(&scores);
    }
}

/// The thresholds of a group of selections.
struct GroupThresholds {
    /// The norm below which no item can be among the best of any user.
    cut: f64,
    thresholds: [f32; ROWS],
    thresholds_of_later: [f32; ROWS],
    last_items: [u32; ROWS],
}

impl GroupThresholds {
    #[inline(always)]
    fn of(group: &[TopNSelection<'_>]) -> Self {
        // No score reaches the threshold of a missing user.
        let mut thresholds = Self {
            cut: least_cut(group),
            thresholds: [f32::MAX; ROWS],
            thresholds_of_later: [f32::MAX; ROWS],
            last_items: [0; ROWS],
        };
        for (row, selection) in group.iter().enumerate() {
            thresholds.thresholds[row] = selection.threshold(0);
            thresholds.thresholds_of_later[row] = selection.threshold(u32::MAX);
            thresholds.last_items[row] = selection.last_item();
        }
        thresholds
    }

    /// The threshold of each user, see [`TopNSelection::threshold`].
    #[inline(always)]
    fn for_items_from(&self, smallest_item: u32) -> [f32; ROWS] {
        std::array::from_fn(|row| {
            let later = smallest_item > self.last_items[row];
            if later { self.thresholds_of_later[row] } else { self.thresholds[row] }
        })
    }
}

/// The norm below which no item can be among the best of any user of a group.
#[inline(always)]
fn least_cut(group: &[TopNSelection<'_>]) -> f64 {
    group.iter().fold(f64::INFINITY, |cut, selection| cut.min(selection.cut()))
}
