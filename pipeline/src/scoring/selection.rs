//! The best N of a stream of candidates.

use super::bounds::Bound;

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
    ranks: &'a mut [Rank],
    n_held: usize,
    /// The `n`-th best of those sorted out.
    last: Rank,
    /// The score of `last`, the next above, and the item of `last`.
    threshold: f32,
    threshold_of_later: f32,
    last_item: u32,
    cut: f64,
    /// A bit for each item by its place in the scoring order: whether the user has seen it.
    seen: &'a mut [u32],
}

impl<'a> Selection<'a> {
    /// Begins to select the best `n` of a user; `ranks` must have room for more than `n`, `seen` a bit for each place.
    pub(super) fn new(user: usize, norm: f64, n: usize, ranks: &'a mut [Rank], seen: &'a mut [u32]) -> Self {
        Self {
            user,
            norm,
            n,
            ranks,
            n_held: 0,
            last: Rank::NONE,
            threshold: f32::NEG_INFINITY,
            threshold_of_later: f32::NEG_INFINITY,
            last_item: u32::MAX,
            cut: 0.0,
            seen,
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

    /// Hides an item, by its place, or shows it again.
    pub(super) fn hide(&mut self, place: usize) {
        self.seen[place / 32] |= 1 << (place % 32);
    }

    pub(super) fn show(&mut self, place: usize) {
        self.seen[place / 32] = 0;
    }

    /// Takes those candidates whose score reaches the threshold and that are not hidden. `items[i]` is the item at
    /// place `first + i`. At most 32.
    #[inline(always)]
    pub(super) fn offer(
        &mut self,
        bound: Bound,
        first: usize,
        items: &[u32],
        scores: &[f32],
        threshold: f32,
    ) {
        let hidden = self.seen[first / 32] >> (first % 32);
        let mut reach = 0u32;
        for (lane, &score) in scores.iter().enumerate() {
            reach |= u32::from(score >= threshold) << lane;
        }
        reach &= !hidden;
        if reach == 0 {
            return;
        }
        if self.ranks.len() - self.n_held < scores.len() {
            self.sort_out(bound);
        }
        while reach != 0 {
            let lane = reach.trailing_zeros() as usize;
            reach &= reach - 1;
            let rank = Rank::new(items[lane], scores[lane]);
            self.ranks[self.n_held] = rank;
            self.n_held += usize::from(rank > self.last);
        }
    }

    /// Keeps the best `n`; the `n`-th becomes the threshold.
    pub(super) fn sort_out(&mut self, bound: Bound) {
        if self.n_held < self.n {
            return;
        }
        let (_, &mut last, _) = self.ranks[..self.n_held].select_nth_unstable_by(self.n - 1, |a, b| b.cmp(a));
        self.n_held = self.n;
        self.last = last;
        self.threshold = last.score();
        self.threshold_of_later = last.above().score();
        self.last_item = last.item();
        self.cut = bound.cut(self.threshold, self.norm);
    }

    /// The selection, best first.
    pub(super) fn finish(&mut self) -> Vec<Scored> {
        let held = &mut self.ranks[..self.n_held];
        held.sort_unstable_by(|a, b| b.cmp(a));
        held.iter().take(self.n).map(|rank| Scored { item: rank.item(), score: rank.score() }).collect()
    }
}
