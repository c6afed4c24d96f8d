//! The inner loops of scoring: a few users against tiles of items, scores in registers.

use std::ops::Range;

use pulp::Simd;
use ranking::tile::{self, ROWS, lanes, width};

use super::Scorer;
use super::items::Items;
use super::screen::{Screen, ScreenRows};
use super::selection::Selection;

/// Pairs of a tile beyond which it is cheaper to compute all of its scores.
const FEW: u32 = 24;
/// The most tiles that are scored without a first look after one that did not help.
const LONGEST_PAUSE: usize = 32;
/// Scores that are computed side by side where few of a tile are wanted.
pub(super) const PENDING: usize = 8;

/// At most [`ROWS`] users, as the loops want them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The factors side by side, factor by factor (n_factors x ROWS); users that are not there are zero.
    factors: Vec<f32>,
    screen: ScreenRows,
}

/// How many scores have been computed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ScoreCounts {
    /// In full, those of seen items included.
    pub in_full: u64,
    /// In 8 bits, to see whether it need be in full.
    pub in_8_bits: u64,
}

/// What the loops work on.
pub(super) struct Kernel<'a, 'f, S> {
    pub(super) simd: S,
    pub(super) items: &'a Items<'f>,
    pub(super) scorer: &'a Scorer<'f>,
    pub(super) work: ScoreCounts,
}

impl Rows {
    /// Lays out the factors of some users.
    #[inline(always)]
    pub(super) fn fill(&mut self, scorer: &Scorer<'_>, users: &[Selection<'_>]) {
        self.factors.clear();
        self.factors.resize(scorer.catalogue.n_factors * ROWS, 0.0);
        for (row, selection) in users.iter().enumerate() {
            let factors = scorer.user(selection.user);
            for (lanes, &factor) in self.factors.chunks_exact_mut(ROWS).zip(factors) {
                lanes[row] = factor;
            }
        }
    }

    /// Quantises the factors of some users for a first look.
    #[inline(always)]
    pub(super) fn fill_screen(&mut self, scorer: &Scorer<'_>, users: &[Selection<'_>]) {
        let users = users.iter().map(|selection| scorer.user(selection.user));
        self.screen.fill(users, scorer.catalogue.n_factors, scorer.catalogue.bound);
    }
}

impl<S: Simd> Kernel<'_, '_, S> {
    /// Offers the items of some tiles to the selections of at most [`ROWS`] users. Stops before the first tile none
    /// of whose items, or of those after it, can be among anyone's best.
    #[inline(always)]
    pub(super) fn score(&mut self, rows: &Rows, tiles: Range<usize>, group: &mut [Selection<'_>]) {
        for tile in tiles {
            if self.items.norm_from(tile) < least_cut(group) {
                return;
            }
            self.score_tile(rows, tile, group);
        }
    }

    /// The same with a first look at each tile.
    #[inline(always)]
    pub(super) fn screen(
        &mut self,
        screen: Screen,
        rows: &Rows,
        tiles: Range<usize>,
        group: &mut [Selection<'_>],
    ) {
        let mut standing = Standing::of(group);
        // A look that lets too much through is not repeated for a while.
        let (mut pause, mut next_pause) = (0, 1);
        for tile in tiles {
            if self.items.norm_from(tile) < standing.cut {
                return;
            }
            if pause > 0 {
                pause -= 1;
                self.score_tile(rows, tile, group);
                standing = Standing::of(group);
                continue;
            }
            self.work.in_8_bits += (width::<S>() * group.len()) as u64;
            let thresholds = standing.thresholds(self.items.smallest(tile));
            let mut reach = screen.reach(&rows.screen, self.items.screen_tile(tile), &thresholds);
            if reach == [0; ROWS] {
                continue;
            }
            let (first, items) = self.items.items(tile);
            let mut n_pairs = 0;
            for (reach, selection) in reach.iter_mut().zip(group.iter()) {
                *reach &= selection.unseen(first, items.len());
                n_pairs += reach.count_ones();
            }
            if n_pairs > FEW {
                pause = next_pause;
                next_pause = (2 * next_pause).min(LONGEST_PAUSE);
                self.score_tile(rows, tile, group);
                standing = Standing::of(group);
                continue;
            }
            next_pause = (next_pause / 2).max(1);
            let mut scored = false;
            for (mut reach, selection) in reach.into_iter().zip(group.iter_mut()) {
                while reach != 0 {
                    let lane = reach.trailing_zeros() as usize;
                    reach &= reach - 1;
                    if selection.postpone(items[lane]) {
                        self.score_pending(selection);
                        scored = true;
                    }
                }
            }
            if scored {
                standing = Standing::of(group);
            }
        }
    }

    #[inline(always)]
    fn score_tile(&mut self, rows: &Rows, tile: usize, group: &mut [Selection<'_>]) {
        let (simd, items) = (self.simd, self.items);
        self.work.in_full += (width::<S>() * group.len()) as u64;
        let scores = tile::product(simd, &rows.factors, ROWS, items.tile(tile), width::<S>());
        let (first, tile_items) = items.items(tile);
        let smallest = items.smallest(tile);
        let (numbers, _) = S::as_simd_u32s(items.places(tile));
        for (selection, sums) in group.iter_mut().zip(&scores) {
            let least = simd.splat_f32s(selection.threshold(smallest));
            let reach = |sums| simd.greater_than_or_equal_f32s(sums, least);
            if simd.first_true_m32s(simd.or_m32s(reach(sums[0]), reach(sums[1]))) == S::F32_LANES {
                continue;
            }
            // Seldom. Where many scores are equal, most of these only equal the last.
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

    /// Scores what a selection has postponed, and offers it.
    #[inline(always)]
    pub(super) fn score_pending(&mut self, selection: &mut Selection<'_>) {
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
        self.work.in_full += PENDING as u64;
        selection.offer_pending(&scores);
    }
}

/// What some users' selections ask of a candidate.
struct Standing {
    /// The norm below which no item can be among anyone's best.
    cut: f64,
    thresholds: [f32; ROWS],
    thresholds_of_later: [f32; ROWS],
    last_items: [u32; ROWS],
}

impl Standing {
    #[inline(always)]
    fn of(group: &[Selection<'_>]) -> Self {
        // Nothing reaches what a user who is not there asks for.
        let mut standing = Self {
            cut: least_cut(group),
            thresholds: [f32::MAX; ROWS],
            thresholds_of_later: [f32::MAX; ROWS],
            last_items: [0; ROWS],
        };
        for (row, selection) in group.iter().enumerate() {
            standing.thresholds[row] = selection.threshold(0);
            standing.thresholds_of_later[row] = selection.threshold(u32::MAX);
            standing.last_items[row] = selection.last_item();
        }
        standing
    }

    /// See [`Selection::threshold`].
    #[inline(always)]
    fn thresholds(&self, smallest_item: u32) -> [f32; ROWS] {
        std::array::from_fn(|row| {
            let later = smallest_item > self.last_items[row];
            if later { self.thresholds_of_later[row] } else { self.thresholds[row] }
        })
    }
}

/// The norm below which no item can be among anyone's best.
#[inline(always)]
fn least_cut(group: &[Selection<'_>]) -> f64 {
    group.iter().fold(f64::INFINITY, |cut, selection| cut.min(selection.cut()))
}
