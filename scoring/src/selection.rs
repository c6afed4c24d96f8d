//! The best N of a stream of candidates.

use super::Scored;
use super::bounds::Bound;
use super::kernel::PENDING;

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
    /// Candidates taken since that was last asked.
    n_taken: usize,
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
        Self {
            user,
            norm,
            n,
            bound,
            ranks,
            n_held: 0,
            n_taken: 0,
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

    /// Begins, or begins again, with nothing but the places of the items that the user has seen.
    #[inline(always)]
    pub(super) fn begin(&mut self, seen: impl Iterator<Item = usize>) {
        (self.n_held, self.n_taken, self.n_pending) = (0, 0, 0);
        (self.last, self.last_item, self.cut) = (Rank::NONE, u32::MAX, 0.0);
        (self.threshold, self.threshold_of_later) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        self.seen.fill(0);
        for place in seen {
            self.seen[place / 32] |= 1 << (place % 32);
        }
    }

    /// How many candidates have been taken since the last time that was asked.
    pub(super) fn take_count(&mut self) -> usize {
        std::mem::take(&mut self.n_taken)
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
    pub(super) fn unseen(&self, first: usize, n: usize) -> u32 {
        (!self.seen[first / 32] >> (first % 32)) & (u32::MAX >> (32 - n))
    }

    /// Takes those candidates that exceed the last and are not seen. `items[i]` is the item at place `first + i`.
    #[inline(always)]
    pub(super) fn offer_tile(&mut self, first: usize, items: &[u32], scores: &[f32]) {
        let mut reach = 0u32;
        for ((lane, &score), &item) in scores.iter().enumerate().zip(items) {
            let exceeds =
                (score >= self.threshold_of_later) | (score >= self.threshold) & (item < self.last_item);
            reach |= u32::from(exceeds) << lane;
        }
        reach &= self.unseen(first, items.len());
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
        self.n_taken += n_held - self.n_held;
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
        for (&item, &score) in self.pending[..self.n_pending].iter().zip(scores) {
            let candidate = Rank::new(item, score);
            self.ranks[self.n_held] = candidate;
            let exceeds = usize::from(candidate > self.last);
            (self.n_held, self.n_taken) = (self.n_held + exceeds, self.n_taken + exceeds);
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

    /// Whether all of the best so far have the same score; asked when what is held has just been sorted out.
    pub(super) fn is_tie(&self) -> bool {
        self.n_held == self.n && self.ranks[..self.n].iter().all(|rank| rank.score() == self.threshold)
    }

    /// The selection, best first.
    pub(super) fn finish(&mut self) -> Vec<Scored> {
        self.sort_out();
        let held = &mut self.ranks[..self.n_held];
        held.sort_unstable_by(|a, b| b.cmp(a));
        held.iter().map(|rank| Scored { item: rank.item(), score: rank.score() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_candidates_by_score_and_then_by_item_and_give_both_back() {
        let scores = [f32::INFINITY, 1.5, 1e-45, 0.0, -0.0, -1e-45, -2.0, f32::NEG_INFINITY];
        let ranks: Vec<_> =
            scores.iter().flat_map(|&score| [0, 7, 1 << 31].map(|i| Rank::new(i, score))).collect();
        assert!(ranks.is_sorted_by(|a, b| a > b));
        assert_eq!(Rank::new(9, -0.0).item(), 9);
        assert_eq!(Rank::new(9, -0.0).score().to_bits(), (-0.0f32).to_bits());
        assert_eq!(Rank::new(9, -0.0).above().score().to_bits(), 0.0f32.to_bits());
        assert_eq!(Rank::new(9, 1.0).above().score(), 1.0f32.next_up());
        assert!(Rank::NONE < Rank::new(u32::MAX - 1, f32::NEG_INFINITY));
    }
}
