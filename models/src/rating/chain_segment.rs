//! The sums that are kept of a segment of the chain.

use rayon::prelude::*;

use super::items::SegmentTerms;
use super::rows::{MIN_ROWS, Row, dot, plus};
use super::side::Side;

/// Sums over the sweeps of a segment.
pub(super) struct ChainSegment<const W: usize> {
    items: Vec<ItemSums<W>>,
    /// Rows of the items as drawn, n_items each, of some of the sweeps.
    pub(super) draws: Vec<Vec<Row<W>>>,
    /// Contribution of each item to the implicit factors of its users. Empty until the segment has ended.
    pub(super) contributions: Vec<Row<W>>,
    /// Sum of the row of an item without ratings: the prior mean.
    pub(super) unknown_item: Row<W>,
    /// Sum of the row of a user without ratings: the prior mean.
    pub(super) unknown_user: Row<W>,
    user_precision: Row<W>,
    pub(super) n_sweeps: usize,
}

/// Sums of an item.
#[derive(Clone)]
struct ItemSums<const W: usize> {
    /// Its row as it would be with one more rating.
    row: Row<W>,
    /// Its implicit factors.
    implicit: Row<W>,
}

impl<const W: usize> ChainSegment<W> {
    pub(super) fn new(n_items: usize) -> Self {
        let zero = [0.0; W];
        Self {
            items: vec![ItemSums { row: zero, implicit: zero }; n_items],
            draws: Vec::new(),
            contributions: Vec::new(),
            unknown_item: zero,
            unknown_user: zero,
            user_precision: zero,
            n_sweeps: 0,
        }
    }

    /// Adds a sweep; adds the dot product of each item's implicit factors and its row to `implicit_term`.
    pub(super) fn add_sweep(&mut self, users: &Side<'_, W>, items: &Side<'_, W>, implicit_term: &mut [f32]) {
        self.n_sweeps += 1;
        self.unknown_item = plus(self.unknown_item, 1.0, &items.sampling_prior.mean);
        self.unknown_user = plus(self.unknown_user, 1.0, &users.sampling_prior.mean);
        self.user_precision = plus(self.user_precision, 1.0, &users.sampling_prior.precision);
        let rows = items.expected.par_iter().zip(&items.implicit_part).zip(&items.weight);
        let rows = rows.zip(&users.implicit_factors);
        let sums = self.items.par_iter_mut().zip(implicit_term);
        sums.zip(rows).with_min_len(MIN_ROWS).for_each(
            |((sum, implicit_term), (((expected, implicit_part), &weight), implicit))| {
                let mut row = *expected;
                if weight > 0.0 {
                    row = plus(row, weight_with_one_more(weight) / weight - 1.0, implicit_part);
                }
                sum.row = plus(sum.row, 1.0, &row);
                sum.implicit = plus(sum.implicit, 1.0, implicit);
                // The regressor of the bias is 1.
                *implicit_term += dot(implicit, &row) + implicit[0] * (1.0 - row[0]);
            },
        );
    }

    /// The sum of the rows of an item as they would be with one more rating.
    pub(super) fn row(&self, item: usize) -> Row<W> {
        self.items[item].row
    }

    /// The payload of an item in this segment, see [`RatingItems::item_payload`](super::RatingItems::item_payload).
    pub(super) fn item_payload(&self, item: usize) -> impl Iterator<Item = f32> {
        let implicit = self.items[item].implicit.map(|sum| sum / self.n_sweeps as f32);
        let draws = self.draws.iter().flat_map(move |draw| draw[item]);
        [implicit, self.contributions[item]].into_iter().flatten().chain(draws)
    }

    /// The terms of users in this segment of a chain of `n` kept sweeps.
    pub(super) fn terms(&self, n: usize) -> SegmentTerms {
        let n_sweeps = self.n_sweeps as f32;
        SegmentTerms {
            share: n_sweeps / n as f32,
            prior_mean: self.unknown_user.map(|sum| sum / n_sweeps).to_vec(),
            prior_precision: self.user_precision.map(|sum| sum / n_sweeps).to_vec(),
        }
    }
}

/// The weight of implicit factors of a row with one more rating than the row of this weight.
pub(super) fn weight_with_one_more(weight: f32) -> f32 {
    // weight^-2 is the number of ratings; a weight of 0 means none.
    if weight == 0.0 { 1.0 } else { weight / (1.0 + weight * weight).sqrt() }
}
