//! What is kept of a stretch of the chain.

use rayon::prelude::*;

use super::items::SegmentTerms;
use super::rows::{Row, dot, plus};
use super::side::{MIN_ROWS, Side};

/// Sums over a stretch.
pub(super) struct Stretch<const W: usize> {
    items: Vec<Item<W>>,
    /// Items as drawn, of some of its sweeps.
    pub(super) draws: Vec<Vec<Row<W>>>,
    /// By item what it tells the implicit factors of its users, when the stretch has ended.
    pub(super) told: Vec<Row<W>>,
    /// What an item without ratings is.
    pub(super) unknown_item: Row<W>,
    /// What a user without ratings is: the prior mean.
    pub(super) unknown_user: Row<W>,
    user_precision: Row<W>,
    pub(super) n_sweeps: usize,
}

/// Sums of an item.
#[derive(Clone)]
struct Item<const W: usize> {
    /// What it is with one rating more.
    row: Row<W>,
    /// Its implicit factors.
    implicit: Row<W>,
}

impl<const W: usize> Stretch<W> {
    pub(super) fn new(n_items: usize) -> Self {
        let zero = [0.0; W];
        Self {
            items: vec![Item { row: zero, implicit: zero }; n_items],
            draws: Vec::new(),
            told: Vec::new(),
            unknown_item: zero,
            unknown_user: zero,
            user_precision: zero,
            n_sweeps: 0,
        }
    }

    /// Adds a sweep, and to `newcomer` what each item's implicit factors predict in it.
    pub(super) fn take(&mut self, users: &Side<'_, W>, items: &Side<'_, W>, newcomer: &mut [f32]) {
        self.n_sweeps += 1;
        self.unknown_item = plus(self.unknown_item, 1.0, &items.drawn_from.mean);
        self.unknown_user = plus(self.unknown_user, 1.0, &users.drawn_from.mean);
        self.user_precision = plus(self.user_precision, 1.0, &users.drawn_from.precision);
        let rows =
            items.expected.par_iter().zip(&items.implied).zip(&items.weight).zip(&users.implicit_factors);
        let sums = self.items.par_iter_mut().zip(newcomer);
        sums.zip(rows).with_min_len(MIN_ROWS).for_each(
            |((sum, newcomer), (((expected, implied), &weight), implicit))| {
                let mut row = *expected;
                if weight > 0.0 {
                    row = plus(row, one_more(weight) / weight - 1.0, implied);
                }
                sum.row = plus(sum.row, 1.0, &row);
                sum.implicit = plus(sum.implicit, 1.0, implicit);
                *newcomer += dot(implicit, &row) + implicit[0] * (1.0 - row[0]);
            },
        );
    }

    /// The sum of an item with one rating more.
    pub(super) fn row(&self, item: usize) -> Row<W> {
        self.items[item].row
    }

    /// What users are formed from of an item, see [`RatingItems::item_payload`].
    pub(super) fn held(&self, item: usize) -> impl Iterator<Item = f32> {
        let implicit = self.items[item].implicit.map(|sum| sum / self.n_sweeps as f32);
        let draws = self.draws.iter().flat_map(move |draw| draw[item]);
        [implicit, self.told[item]].into_iter().flatten().chain(draws)
    }

    /// What users have in common, of a stretch of `n` sweeps in all.
    pub(super) fn terms(&self, n: usize) -> SegmentTerms {
        let n_sweeps = self.n_sweeps as f32;
        SegmentTerms {
            share: n_sweeps / n as f32,
            prior_mean: self.unknown_user.map(|sum| sum / n_sweeps).to_vec(),
            prior_precision: self.user_precision.map(|sum| sum / n_sweeps).to_vec(),
        }
    }
}

/// What implicit factors weigh when a row has one rating more than those `weight` comes of.
pub(super) fn one_more(weight: f32) -> f32 {
    // weight^-2 is the number of ratings; 0 stands for none.
    if weight == 0.0 { 1.0 } else { weight / (1.0 + weight * weight).sqrt() }
}
