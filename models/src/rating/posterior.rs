//! The posterior means of the draws, which make the model.
//!
//! A prediction should be the mean of the predictions of the sweeps, and yet that of one factor model. Biases
//! can be averaged as they are. The mean of products of factors is not the product of their means; but
//! factors drift slowly from one sweep to the next, so over a segment of the chain it nearly is. So the model
//! has factors of its own for each segment. This is an approximation; BPMF averages the predictions of the
//! draws.
//!
//! A request for a prediction assumes one more fact than the ratings hold: that this rating is given. So a
//! user's implicit part counts the movie in question among those rated, and a movie's counts the user among
//! its raters. That is one more factor for each side:
//!
//! ```text
//! (p + b y_i) . (q + c z_u) = p . q + b (y_i . q) + c (z_u . p) + ...
//! ```
//!
//! with y_i and z_u the implicit factors of the two, and b and c their weights. The last term, a product of small
//! numbers, is left out.
//!
//! Users are not kept. Their rows are folded in from the items and from the terms that users share (`fold_in`).

use super::chain_segment::{ChainSegment, weight_with_one_more};
use super::item_contributions::MeanEquations;
use super::items::{RatingItems, StarTerms};
use super::noise::Noise;
use super::rows::Row;
use super::side::{RowPosterior, Side};
use super::standardizer::Standardizer;

/// Segments of the chain that have means of their own.
const N_SEGMENTS: usize = 4;

/// Most draws of the items that are kept of a segment. Each is one more system to solve for a user; more make no
/// difference to the error.
const MAX_DRAWS: usize = 4;

/// Sums over the sweeps after the burn-in.
pub(super) struct PosteriorSums<const W: usize> {
    rank: usize,
    segments: Vec<ChainSegment<W>>,
    /// The equations of the current segment. They need more memory than the rest, so ended segments keep none.
    equations: MeanEquations<W>,
    /// Sum by item: the dot product of its implicit factors and its row.
    implicit_term: Vec<f32>,
    noise_rate: f64,
    /// Number of sweeps that will be added.
    n: usize,
}

impl<const W: usize> PosteriorSums<W> {
    /// Empty sums for `n` sweeps.
    pub(super) fn new(rank: usize, n_items: usize, n: usize) -> Self {
        let (equations, implicit_term) = (MeanEquations::new(n_items), vec![0.0; n_items]);
        Self { rank, segments: Vec::new(), equations, implicit_term, noise_rate: 0.0, n }
    }

    /// Adds a sweep, the `number`-th of the kept ones, from 0. `posteriors` are those that the draw of the
    /// items has left. Returns `None` if a number is not finite.
    pub(super) fn add_sweep(
        &mut self,
        users: &Side<'_, W>,
        items: &Side<'_, W>,
        noise: &Noise,
        posteriors: &[RowPosterior<W>],
        number: usize,
    ) -> Option<()> {
        let begins = |segment: usize| (segment * self.n).div_ceil(N_SEGMENTS);
        let segment = number * N_SEGMENTS / self.n;
        let (place, length) = (number - begins(segment), begins(segment + 1) - begins(segment));
        if place == 0 {
            self.segments.push(ChainSegment::new(items.rows.len()));
        }
        let (segment, n_draws) = (self.segments.last_mut()?, n_draws(self.n));
        if (place + 1) * n_draws / length > place * n_draws / length {
            segment.draws.push(items.rows.clone());
        }
        segment.add_sweep(users, items, &mut self.implicit_term);
        self.noise_rate += noise.rate;
        self.equations.add_sweep(items, posteriors);
        if place + 1 == length {
            let ended = std::mem::replace(&mut self.equations, MeanEquations::new(items.rows.len()));
            segment.contributions = ended.item_contributions(items)?;
        }
        Some(())
    }

    /// A bias and the factors of every segment, from sums by segment: 1 + segments x (rank - 1) numbers.
    fn concatenate(&self, sum_of: impl Fn(&ChainSegment<W>) -> Row<W>) -> Vec<f32> {
        let n_sweeps = self.n as f32;
        let bias = self.segments.iter().map(|segment| sum_of(segment)[0]).sum::<f32>() / n_sweeps;
        let mut row = vec![bias];
        for segment in &self.segments {
            let scale = (n_sweeps * segment.n_sweeps as f32).sqrt().recip();
            row.extend(sum_of(segment)[1..self.rank].iter().map(|sum| sum * scale));
        }
        row
    }

    /// Makes the model. The biases and factors of a user and an item without ratings are subtracted from all
    /// others, and so become zero.
    pub(super) fn into_items(self, items: &Side<'_, W>, standardizer: Standardizer) -> RatingItems {
        let n_sweeps = self.n as f32;
        let mut unknown_user = self.concatenate(|segment| segment.unknown_user);
        unknown_user.extend([1.0, 0.0]);
        let mut unknown_item = self.concatenate(|segment| segment.unknown_item);
        // A user's weight with one more rating meets the item's implicit term, and the other way round.
        unknown_item.extend([0.0, 1.0]);
        let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let unknown = unknown_user[0] + unknown_item[0] + inner(&unknown_user[1..], &unknown_item[1..]);
        let (mut item_bias, mut item_factors) = (Vec::new(), Vec::new());
        for (item, &weight) in items.weight.iter().enumerate() {
            let mut row = self.concatenate(|segment| segment.row(item));
            row.extend([self.implicit_term[item] / n_sweeps, weight_with_one_more(weight)]);
            row.iter_mut().zip(&unknown_item).for_each(|(value, unknown)| *value -= unknown);
            item_bias.push(standardizer.deviation * (row[0] + inner(&row[1..], &unknown_user[1..])));
            item_factors.extend_from_slice(&row[1..]);
        }
        RatingItems {
            item_payload: (0..items.weight.len())
                .flat_map(|item| self.segments.iter().flat_map(move |segment| segment.item_payload(item)))
                .collect(),
            item_bias,
            item_factors,
            terms: StarTerms {
                global_mean: standardizer.mean + standardizer.deviation * unknown,
                mean: standardizer.mean,
                deviation: standardizer.deviation,
                noise_rate: (self.noise_rate / self.n as f64) as f32,
                rank: self.rank,
                n_draws: n_draws(self.n),
                width: W,
                segments: self.segments.iter().map(|segment| segment.terms(self.n)).collect(),
                unknown_user,
                unknown_item,
            },
        }
    }
}

/// Draws that are kept of each segment of `n` sweeps in all; a segment has at least a quarter of them.
fn n_draws(n: usize) -> usize {
    (n / N_SEGMENTS).clamp(1, MAX_DRAWS)
}
