//! The best N of a stream of candidates.

use super::bounds::Bound;
use super::kernel::PENDING;

/// A candidate and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The item's row.
    pub item: u32,
    /// Its score for the user.
    pub score: f32,
}

/// A candidate as a number: the better, the greater. The score (in the order of [`f32::total_cmp`]) stands above
/// the item, whose bits are inverted: of equal scores the smaller item is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u64);

impl Rank {
    /// Worse than any candidate.
    pub(super) const NONE: Self = Self(0);

    fn new(item: u32, score: f32) -> Self {
        let bits = score.to_bits();
        // Negative numbers ascend as their bits descend.
        let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self(u64::from(ordered) << 32 | u64::from(!item))
    }

    fn item(self) -> u32 {
        !(self.0 as u32)
    }

    fn score(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 0 { !ordered } else { ordered & !(1 << 31) })
    }

    /// The least rank of the next score above.
    fn above(self) -> Self {
        Self(((self.0 >> 32) + 1) << 32)
    }
}

/// One user's selection. Once `n` candidates are held there is a threshold; what is held beyond `n` is sorted out
/// now and then.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    /// The user's row.
    pub(super) user: usize,
    /// The norm of the user's factors.
    norm: f64,
    n: usize,
    bound: Bound,
    ranks: &'a mut [Rank],
    n_held: usize,
    /// The `n`-th best of those sorted out, its score, the next above, and its item.
    last: Rank,
    threshold: f32,
    threshold_of_later: f32,
    last_item: u32,
    cut: f64,
    /// A bit for each item by its place: whether the user has seen it.
    seen: &'a mut [u32],
    /// Items whose scores are still to be computed.
    pending: [u32; PENDING],
    n_pending: usize,
}

impl<'a> Selection<'a> {
    /// Begins to select the best `n` of a user whose factors have a norm. `ranks` must have room for `n` and a
    /// tile, `seen` a bit for each place.
    pub(super) fn new(
        user: usize,
        norm: f64,
        n: usize,
        bound: Bound,
        ranks: &'a mut [Rank],
        seen: &'a mut [u32],
    ) -> Self {
        seen.fill(0);
        Self {
            user,
            norm,
            n,
            bound,
            ranks,
            n_held: 0,
            last: Rank::NONE,
            threshold: f32::NEG_INFINITY,
            threshold_of_later: f32::NEG_INFINITY,
            last_item: u32::MAX,
            cut: 0.0,
            seen,
            pending: [0; PENDING],
            n_pending: 0,
        }
    }

    /// What a candidate must reach to be worth offering, given the smallest item among the candidates.
    #[inline(always)]
    pub(super) fn threshold(&self, smallest_item: u32) -> f32 {
        if smallest_item > self.last_item { self.threshold_of_later } else { self.threshold }
    }

    /// The norm below which no item can be among the best.
    pub(super) fn cut(&self) -> f64 {
        self.cut
    }

    /// Marks an item, by its place, as seen.
    pub(super) fn hide(&mut self, place: usize) {
        self.seen[place / 32] |= 1 << (place % 32);
    }

    /// The item that of candidates with the threshold for a score comes last.
    #[inline(always)]
    pub(super) fn last_item(&self) -> u32 {
        self.last_item
    }

    /// Sorts out what is held, if that may raise the threshold by much.
    pub(super) fn refresh(&mut self) {
        if self.n_held > self.n + self.n / 8 {
            self.sort_out();
        }
    }

    /// A bit for each of `n` places from `first` on: whether the item there is not seen. They are at most 32, and of
    /// one word.
    #[inline(always)]
    pub(super) fn shown(&self, first: usize, n: usize) -> u32 {
        (!self.seen[first / 32] >> (first % 32)) & (u32::MAX >> (32 - n))
    }

    /// Takes those candidates whose score reaches the threshold and that are not seen. `items[i]` is the item at
    /// place `first + i`.
    #[inline(always)]
    pub(super) fn offer_tile(&mut self, first: usize, items: &[u32], scores: &[f32], threshold: f32) {
        let mut reach = 0u32;
        for (lane, &score) in scores.iter().enumerate() {
            reach |= u32::from(score >= threshold) << lane;
        }
        reach &= self.shown(first, items.len());
        if reach == 0 {
            return;
        }
        self.make_room(scores.len());
        let (mut n_held, last) = (self.n_held, self.last);
        let room = &mut self.ranks[..];
        while reach != 0 {
            let lane = reach.trailing_zeros() as usize;
            reach &= reach - 1;
            let candidate = Rank::new(items[lane], scores[lane]);
            room[n_held] = candidate;
            n_held += usize::from(candidate > last);
        }
        self.n_held = n_held;
    }

    /// Keeps an item until there are [`PENDING`]; says whether there are.
    #[inline(always)]
    pub(super) fn postpone(&mut self, item: u32) -> bool {
        self.pending[self.n_pending] = item;
        self.n_pending += 1;
        self.n_pending == PENDING
    }

    /// The items postponed, and anything after them.
    pub(super) fn pending(&self) -> &[u32; PENDING] {
        &self.pending
    }

    /// Takes those of the postponed candidates that exceed the last.
    #[inline(always)]
    pub(super) fn offer_pending(&mut self, scores: &[f32; PENDING]) {
        self.make_room(PENDING);
        for place in 0..self.n_pending {
            let candidate = Rank::new(self.pending[place], scores[place]);
            self.ranks[self.n_held] = candidate;
            self.n_held += usize::from(candidate > self.last);
        }
        self.n_pending = 0;
    }

    #[inline(always)]
    fn make_room(&mut self, n: usize) {
        if self.ranks.len() - self.n_held < n {
            self.sort_out();
        }
    }

    /// Keeps the best `n`; the `n`-th becomes the threshold.
    pub(super) fn sort_out(&mut self) {
        if self.n_held < self.n {
            return;
        }
        let (_, &mut last, _) = self.ranks[..self.n_held].select_nth_unstable_by(self.n - 1, |a, b| b.cmp(a));
        self.n_held = self.n;
        self.last = last;
        self.threshold = last.score();
        self.threshold_of_later = last.above().score();
        self.last_item = last.item();
        self.cut = self.bound.cut(self.threshold, self.norm);
    }

    /// The selection, best first.
    pub(super) fn finish(&mut self) -> Vec<Scored> {
        self.sort_out();
        let held = &mut self.ranks[..self.n_held];
        held.sort_unstable_by(|a, b| b.cmp(a));
        held.iter().map(|rank| Scored { item: rank.item(), score: rank.score() }).collect()
    }
}
