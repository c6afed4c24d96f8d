//! The best N of a stream of candidates.

use std::cmp::Ordering;

/// A candidate and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The item's row.
    pub item: u32,
    /// Its score for the user.
    pub score: f32,
}

impl Scored {
    /// Best first: score descending, then item ascending. Total, NaN included.
    fn best_first(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }
}

/// One user's selection. Candidates come by ascending item; at most 2 N of them are held, and whenever that
/// many are there the worse half goes.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    n: usize,
    held: Vec<Scored>,
    /// What a candidate must exceed. As items ascend, one that only equals the N-th best loses the tie.
    threshold: f32,
    /// The user's seen items from the last candidate on, ascending.
    seen: &'a [u32],
}

impl<'a> Selection<'a> {
    /// Begins to select the best `n` that are not in `seen`, which ascends.
    pub(super) fn new(n: usize, seen: &'a [u32]) -> Self {
        let threshold = if n == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { n, held: Vec::with_capacity(2 * n), threshold, seen }
    }

    /// What a candidate must exceed to be worth offering.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Takes a candidate that exceeds the threshold, unless it is seen. Items must ascend from call to call.
    pub(super) fn offer(&mut self, candidate: Scored) {
        let passed = self.seen.iter().take_while(|&&seen| seen < candidate.item).count();
        self.seen = &self.seen[passed..];
        if self.seen.first() == Some(&candidate.item) {
            return;
        }
        self.held.push(candidate);
        if self.held.len() == 2 * self.n {
            self.held.select_nth_unstable_by(self.n - 1, Scored::best_first);
            self.held.truncate(self.n);
            self.threshold = self.held[self.n - 1].score;
        }
    }

    /// The selection, best first.
    pub(super) fn finish(mut self) -> Vec<Scored> {
        self.held.sort_unstable_by(Scored::best_first);
        self.held.truncate(self.n);
        self.held.shrink_to_fit();
        self.held
    }
}
