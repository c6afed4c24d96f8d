//! Exact top-N of one user, by one pass over all items.
//!
//! The batch prunes, which pays off where many users share the preparation. For one user, reading the factors is the cost,
//! and any filter may apply; so every item is scored. A score is the same chain of fused multiply-adds as in the batch,
//! from the first factor to the last, and has the same bits.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use pulp::{Arch, Simd, WithSimd};

use crate::tile::machine_lanes;

/// Vectors of sums that are computed side by side: enough to hide the latency of a multiply-add.
const VECTORS: usize = 4;

/// Item factors in the layout of the scan.
#[derive(Debug)]
pub struct Items {
    n_items: usize,
    n_factors: usize,
    /// Items of a strip: [`VECTORS`] times the lanes of a vector.
    width: usize,
    /// By strip, n_factors x width: a column for each item; zeros after the last item.
    strips: Vec<f32>,
}

/// An item and its score. The order is by score, then by descending item: the greatest is the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The position of the item.
    pub item: u32,
    /// The score.
    pub score: f32,
}

impl Items {
    /// Copies item factors (n_items x n_factors, row-major) to the layout of the scan.
    #[must_use]
    pub fn new(factors: &[f32], n_factors: usize) -> Self {
        let width = VECTORS * machine_lanes();
        let n_items = factors.len() / n_factors.max(1);
        let strip = n_factors * width;
        let mut strips = vec![0.0; n_items.div_ceil(width) * strip];
        for (item, row) in factors.chunks_exact(n_factors.max(1)).enumerate() {
            let strip = &mut strips[item / width * strip..];
            for (column, &factor) in strip.chunks_mut(width).zip(row) {
                column[item % width] = factor;
            }
        }
        Self { n_items, n_factors, width, strips }
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_items
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_items == 0
    }

    /// The best `n` items that are `allowed`, best first, for the factors of a user (n_factors). `allowed` is called only
    /// for items that would be among the best so far. Costs n_items * n_factors multiplications, which take about as long
    /// as reading the factors.
    #[must_use]
    pub fn top_n(&self, user: &[f32], n: usize, allowed: impl Fn(u32) -> bool) -> Vec<Scored> {
        if n == 0 || self.n_factors == 0 {
            return Vec::new();
        }
        let mut best = Best { n, entries: BinaryHeap::with_capacity(n.min(self.n_items) + 1) };
        let mut scores = vec![0.0; self.width];
        for (number, strip) in self.strips.chunks_exact(self.n_factors * self.width).enumerate() {
            Arch::new().dispatch(ScoreStrip { strip, user, scores: &mut scores });
            let first = number * self.width;
            for (item, &score) in (first..self.n_items).zip(&scores) {
                best.offer(Scored { item: item as u32, score }, &allowed);
            }
        }
        best.finish()
    }
}

/// Computes the scores of one strip (n_factors x width) for a user (n_factors).
struct ScoreStrip<'a> {
    strip: &'a [f32],
    user: &'a [f32],
    scores: &'a mut [f32],
}

impl WithSimd for ScoreStrip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { strip, user, scores } = self;
        let mut sums = [simd.splat_f32s(0.0); VECTORS];
        for (column, &factor) in strip.chunks_exact(scores.len()).zip(user) {
            let (column, _) = S::as_simd_f32s(column);
            let factor = simd.splat_f32s(factor);
            for (sum, &column) in sums.iter_mut().zip(column) {
                *sum = simd.mul_add_f32s(factor, column, *sum);
            }
        }
        let (scores, _) = S::as_mut_simd_f32s(scores);
        scores.copy_from_slice(&sums);
    }
}

/// The best items so far, in a heap with the worst on top.
struct Best {
    n: usize,
    entries: BinaryHeap<std::cmp::Reverse<Scored>>,
}

impl Best {
    fn offer(&mut self, scored: Scored, allowed: impl Fn(u32) -> bool) {
        let full = self.entries.len() == self.n;
        if full && self.entries.peek().is_some_and(|worst| scored <= worst.0) || !allowed(scored.item) {
            return;
        }
        if full {
            self.entries.pop();
        }
        self.entries.push(std::cmp::Reverse(scored));
    }

    fn finish(self) -> Vec<Scored> {
        self.entries.into_sorted_vec().into_iter().map(|entry| entry.0).collect()
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.item.cmp(&self.item))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Scored {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_full_sort_to_the_bit(
            n_factors in 1usize..20,
            // Few values, so that many scores are equal.
            numbers in prop::collection::vec((-3i8..3).prop_map(f32::from), 20..4000),
            n in 0usize..60,
            forbidden in 1u32..5,
        ) {
            let (user, factors) = numbers.split_at(n_factors);
            let n_items = factors.len() / n_factors;
            let factors = &factors[..n_items * n_factors];
            let items = Items::new(factors, n_factors);
            let allowed = |item: u32| item % forbidden != 1;
            let mut expected: Vec<_> = factors
                .chunks(n_factors)
                .enumerate()
                .map(|(item, q)| Scored { item: item as u32, score: user.iter().zip(q).fold(0.0, |sum, (p, q)| p.mul_add(*q, sum)) })
                .filter(|scored| allowed(scored.item))
                .collect();
            expected.sort_by(|a, b| b.cmp(a));
            expected.truncate(n);
            prop_assert_eq!(items.top_n(user, n, allowed), expected);
        }
    }
}
