//! The selection of the best N of a stream of candidates.

use super::Scored;
use super::bounds::Bound;

/// Candidates whose scores are computed side by side, outside of whole tiles.
pub(super) const PENDING: usize = 8;

/// A candidate as a number: the better, the greater. The upper 32 bits are the score, in the order of
/// [`f32::total_cmp`]; the lower are the inverted item index, so that of equal scores the smaller item is
/// better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u64);

impl Rank {
    /// Worse than any candidate.
    pub(super) const NONE: Self = Self(0);

    fn new(item: u32, score: f32) -> Self {
        let bits = score.to_bits();
        // The bits of negative numbers descend as the numbers ascend.
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

    /// The least rank with the next greater score.
    fn above(self) -> Self {
        Self(((self.0 >> 32) + 1) << 32)
    }
}

/// The selection of one user. Once it holds `n` candidates it has a threshold. Candidates beyond `n` are
/// pruned from time to time.
#[derive(Debug)]
pub(super) struct TopNSelection<'a> {
    /// The user's index.
    pub(super) user: usize,
    /// The norm of the user's factors.
    norm: f64,
    n: usize,
    bound: Bound,
    /// Room for candidates; the first `n_held` are held.
    ranks: &'a mut [Rank],
    n_held: usize,
    /// Candidates taken since the last call of [`Self::take_count`].
    n_taken: usize,
    /// The `n`-th best candidate at the last pruning.
    last: Rank,
    /// The score of `last`: the least score of a candidate with a smaller item.
    threshold: f32,
    /// The next greater score: the least score of a candidate with a larger item.
    threshold_of_later: f32,
    /// The item of `last`.
    last_item: u32,
    /// The norm below which no item reaches the threshold.
    cut: f64,
    /// A bit for each place: whether the user has seen the item there.
    seen: &'a mut [u32],
    /// Items whose scores are not computed yet, the first `n_pending`.
    pending: [u32; PENDING],
    n_pending: usize,
}

impl<'a> TopNSelection<'a> {
    /// An empty selection of the best `n` items of a user whose factors have this norm. `ranks` must have
    /// space for `n` candidates and a tile, `seen` a bit for each place.
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

    /// The least score of a candidate worth offering, given the smallest item among the candidates.
    #[inline(always)]
    pub(super) fn threshold(&self, smallest_item: u32) -> f32 {
        if smallest_item > self.last_item { self.threshold_of_later } else { self.threshold }
    }

    /// The norm below which no item can be among the best.
    pub(super) fn cut(&self) -> f64 {
        self.cut
    }

    /// Resets the selection to no candidates. `seen` has the places of the items that the user has seen.
    #[inline(always)]
    pub(super) fn reset(&mut self, seen: impl Iterator<Item = usize>) {
        (self.n_held, self.n_taken, self.n_pending) = (0, 0, 0);
        (self.last, self.last_item, self.cut) = (Rank::NONE, u32::MAX, 0.0);
        (self.threshold, self.threshold_of_later) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        self.seen.fill(0);
        for place in seen {
            self.seen[place / 32] |= 1 << (place % 32);
        }
    }

    /// The number of candidates taken since the last call.
    pub(super) fn take_count(&mut self) -> usize {
        std::mem::take(&mut self.n_taken)
    }

    /// The item of the `n`-th best candidate, which wins against larger items of the same score.
    #[inline(always)]
    pub(super) fn last_item(&self) -> u32 {
        self.last_item
    }

    /// Prunes if that may raise the threshold by much.
    pub(super) fn prune_if_useful(&mut self) {
        if self.n_held > self.n + self.n / 8 {
            self.prune();
        }
    }

    /// A bit for each of `n` places from `first` on: whether the item there is unseen. The places are at most
    /// 32, in one word of `seen`.
    #[inline(always)]
    pub(super) fn unseen(&self, first: usize, n: usize) -> u32 {
        (!self.seen[first / 32] >> (first % 32)) & (u32::MAX >> (32 - n))
    }

    /// Takes the unseen candidates that exceed the last. `items[i]` is the item at place `first + i`.
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

    /// Adds an item to the pending ones. Returns whether there are [`PENDING`] now.
    #[inline(always)]
    pub(super) fn postpone(&mut self, item: u32) -> bool {
        self.pending[self.n_pending] = item;
        self.n_pending += 1;
        self.n_pending == PENDING
    }

    /// The pending items, followed by arbitrary items.
    pub(super) fn pending(&self) -> &[u32; PENDING] {
        &self.pending
    }

    /// Takes the pending candidates that exceed the last, and clears the pending ones.
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
            self.prune();
        }
    }

    /// Prunes to the best `n`; the `n`-th becomes the threshold.
    pub(super) fn prune(&mut self) {
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

    /// Whether the best `n` have the same score. Valid directly after [`Self::prune`].
    pub(super) fn is_tie(&self) -> bool {
        self.n_held == self.n && self.ranks[..self.n].iter().all(|rank| rank.score() == self.threshold)
    }

    /// The list, best first.
    pub(super) fn finish(&mut self) -> Vec<Scored> {
        self.prune();
        let held = &mut self.ranks[..self.n_held];
        held.sort_unstable_by(|a, b| b.cmp(a));
        held.iter().map(|rank| Scored { item: rank.item(), score: rank.score() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_candidates_by_score_then_by_item_and_return_both() {
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
