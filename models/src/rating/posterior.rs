//! What is kept of the draws: their means, which make the model.
//!
//! A prediction should be the mean of what the sweeps predict, and yet that of one factor model. Biases can be means
//! as they stand. Of the products of factors the mean is not the product of the means; but factors drift slowly from
//! one sweep to the next, so that over a stretch of the chain it nearly is. Each stretch gives the model factors of
//! its own.
//!
//! Whoever is asked to predict a rating knows one thing more than the ratings: that it will have been given. So a
//! user's implicit factors are taken as if the movie in question were among those rated, and a movie's as if the user
//! were among those who rated it. That is one more factor a side:
//!
//! ```text
//! (p + b y_i) . (q + c z_u) = p . q + b (y_i . q) + c (z_u . p) + ...
//! ```
//!
//! with y_i and z_u the implicit factors of the two, and b and c their weights. The last term, a product of small
//! numbers, is left out.

//! Of users only what they have in common is kept: their rows are formed of it and of the items (`form`).

use super::Level;
use super::items::{RatingItems, StarTerms};
use super::noise::Noise;
use super::rows::Row;
use super::side::{Pending, Side};
use super::stretch::{Stretch, one_more};
use super::told::Equations;

/// Stretches of the chain whose means are kept apart.
const STRETCHES: usize = 4;

/// Draws of items that are kept of a stretch. Each is one more solution a user; beyond these they make no difference.
const DRAWS: usize = 4;

/// The sums over the sweeps that are kept.
pub(super) struct Sums<const W: usize> {
    depth: usize,
    stretches: Vec<Stretch<W>>,
    /// Those of the stretch that has not ended, which need more memory.
    equations: Equations<W>,
    /// What an item's implicit factors predict together with the item.
    newcomer: Vec<f32>,
    noise_rate: f64,
    /// Sweeps that will be taken.
    n: usize,
}

impl<const W: usize> Sums<W> {
    /// Of none yet of `n` sweeps.
    pub(super) fn new(depth: usize, n_items: usize, n: usize) -> Self {
        let (equations, newcomer) = (Equations::new(n_items), vec![0.0; n_items]);
        Self { depth, stretches: Vec::new(), equations, newcomer, noise_rate: 0.0, n }
    }

    /// Takes a sweep, the `number`-th that is kept, counted from 0; `pending` is what items' draw has left. Fails where
    /// numbers stop being numbers.
    pub(super) fn take(
        &mut self,
        users: &Side<'_, W>,
        items: &Side<'_, W>,
        noise: &Noise,
        pending: &[Pending<W>],
        number: usize,
    ) -> Option<()> {
        let begins = |stretch: usize| (stretch * self.n).div_ceil(STRETCHES);
        let stretch = number * STRETCHES / self.n;
        let (place, length) = (number - begins(stretch), begins(stretch + 1) - begins(stretch));
        if place == 0 {
            self.stretches.push(Stretch::new(items.rows.len()));
        }
        let (stretch, n_draws) = (self.stretches.last_mut()?, n_draws(self.n));
        if (place + 1) * n_draws / length > place * n_draws / length {
            stretch.draws.push(items.rows.clone());
        }
        stretch.take(users, items, &mut self.newcomer);
        self.noise_rate += noise.rate;
        self.equations.take(items, pending);
        if place + 1 == length {
            let ended = std::mem::replace(&mut self.equations, Equations::new(items.rows.len()));
            stretch.told = ended.told(items)?;
        }
        Some(())
    }

    /// A bias and factors of a stretch each, of the sums that `of` tells: 1 + stretches x (depth - 1) numbers.
    fn line(&self, of: impl Fn(&Stretch<W>) -> Row<W>) -> Vec<f32> {
        let n_sweeps = self.n as f32;
        let mut line = vec![self.stretches.iter().map(|stretch| of(stretch)[0]).sum::<f32>() / n_sweeps];
        for stretch in &self.stretches {
            let scale = (n_sweeps * stretch.n_sweeps as f32).sqrt().recip();
            line.extend(of(stretch)[1..self.depth].iter().map(|sum| sum * scale));
        }
        line
    }

    /// The model of what was kept. Biases and factors are told from those of a user and an item of whom nothing is
    /// known, which so become zero.
    pub(super) fn model(self, items: &Side<'_, W>, level: Level) -> RatingItems {
        let n_sweeps = self.n as f32;
        let mut unknown_user = self.line(|stretch| stretch.unknown_user);
        unknown_user.extend([1.0, 0.0]);
        let mut unknown_item = self.line(|stretch| stretch.unknown_item);
        // A user's prediction for one more goes with the item's weight of it, and the other way round.
        unknown_item.extend([0.0, 1.0]);
        let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let unknown = unknown_user[0] + unknown_item[0] + inner(&unknown_user[1..], &unknown_item[1..]);
        let (mut item_bias, mut item_factors) = (Vec::new(), Vec::new());
        for (item, &weight) in items.weight.iter().enumerate() {
            let mut line = self.line(|stretch| stretch.row(item));
            line.extend([self.newcomer[item] / n_sweeps, one_more(weight)]);
            line.iter_mut().zip(&unknown_item).for_each(|(value, unknown)| *value -= unknown);
            item_bias.push(level.deviation * (line[0] + inner(&line[1..], &unknown_user[1..])));
            item_factors.extend_from_slice(&line[1..]);
        }
        RatingItems {
            item_payload: (0..items.weight.len())
                .flat_map(|item| self.stretches.iter().flat_map(move |stretch| stretch.held(item)))
                .collect(),
            item_bias,
            item_factors,
            terms: StarTerms {
                global_mean: level.mean + level.deviation * unknown,
                mean: level.mean,
                deviation: level.deviation,
                noise_rate: (self.noise_rate / self.n as f64) as f32,
                depth: self.depth,
                n_draws: n_draws(self.n),
                width: W,
                segments: self.stretches.iter().map(|stretch| stretch.terms(self.n)).collect(),
                unknown_user,
                unknown_item,
            },
        }
    }
}

/// Draws that are kept of each stretch of `n` sweeps in all, which has at least a quarter of them.
fn n_draws(n: usize) -> usize {
    (n / STRETCHES).clamp(1, DRAWS)
}
