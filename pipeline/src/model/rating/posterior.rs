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

use rayon::prelude::*;

use super::Level;
use super::form::ROWS;
use super::items::{RatingItems, StarTerms, StretchTerms};
use super::noise::Noise;
use super::rows::{Row, dot, plus, product};
use super::side::{MIN_ROWS, Side};

/// Stretches of the chain whose means are kept apart.
const STRETCHES: usize = 4;

/// The sums over the sweeps that are kept.
pub(super) struct Sums<const W: usize> {
    depth: usize,
    stretches: Vec<Stretch<W>>,
    /// What an item's implicit factors predict together with the item.
    newcomer: Vec<f32>,
    noise_rate: f64,
    n_sweeps: usize,
}

/// Sums over a stretch.
struct Stretch<const W: usize> {
    items: Vec<Item<W>>,
    /// What an item without ratings is.
    unknown_item: Row<W>,
    /// What a user without ratings is: the prior mean.
    unknown_user: Row<W>,
    user_precision: Row<W>,
    n_sweeps: usize,
}

/// Sums of an item.
#[derive(Clone)]
struct Item<const W: usize> {
    /// What it is with one rating more.
    row: Row<W>,
    /// What it is.
    expected: Row<W>,
    drawn: Row<W>,
    squares: Row<W>,
    implicit: Row<W>,
    /// What its own part tells the implicit factors of its users.
    told: Row<W>,
}

impl<const W: usize> Item<W> {
    const NOTHING: Self = {
        let zero = [0.0; W];
        Self { row: zero, expected: zero, drawn: zero, squares: zero, implicit: zero, told: zero }
    };

    /// The means over n sweeps that a user is formed of, see [`RatingItems::held`].
    fn held(&self, n: f32) -> [Row<W>; ROWS] {
        let share = [n.recip(); W];
        let mean = product(&self.drawn, &share);
        let scatter = plus(self.squares, -n, &product(&mean, &mean));
        let variance = scatter.map(|square| (square / (n - 1.0).max(1.0)).max(0.0));
        [
            product(&self.expected, &share),
            variance,
            product(&self.implicit, &share),
            product(&self.told, &share),
        ]
    }
}

impl<const W: usize> Sums<W> {
    pub(super) fn new(depth: usize, n_items: usize) -> Self {
        Self { depth, stretches: Vec::new(), newcomer: vec![0.0; n_items], noise_rate: 0.0, n_sweeps: 0 }
    }

    /// Takes a sweep, the `number`-th of `n` that are kept, counted from 0.
    pub(super) fn take(
        &mut self,
        users: &Side<'_, W>,
        items: &Side<'_, W>,
        noise: &Noise,
        number: usize,
        n: usize,
    ) {
        if self.stretches.len() <= number * STRETCHES / n {
            self.stretches.push(Stretch {
                items: vec![Item::NOTHING; items.rows.len()],
                unknown_item: [0.0; W],
                unknown_user: [0.0; W],
                user_precision: [0.0; W],
                n_sweeps: 0,
            });
        }
        let Some(stretch) = self.stretches.last_mut() else { return };
        self.n_sweeps += 1;
        self.noise_rate += noise.rate;
        stretch.n_sweeps += 1;
        stretch.unknown_item = plus(stretch.unknown_item, 1.0, &items.unknown);
        stretch.unknown_user = plus(stretch.unknown_user, 1.0, &users.unknown);
        stretch.user_precision = plus(stretch.user_precision, 1.0, &users.prior.precision);
        let pull: Row<W> =
            std::array::from_fn(|place| items.prior.precision[place] / items.implicit_prior.precision[place]);
        let sums = stretch.items.par_iter_mut().zip(&mut self.newcomer).enumerate();
        sums.with_min_len(MIN_ROWS).for_each(|(item, (sum, newcomer))| {
            let (expected, implied, drawn) = (&items.expected[item], &items.implied[item], &items.rows[item]);
            let (weight, implicit) = (items.weight[item], &users.implicit_factors[item]);
            let mut row = *expected;
            if weight > 0.0 {
                row = plus(row, one_more(weight) / weight - 1.0, implied);
                let own = plus(plus(*expected, -1.0, implied), -1.0, &items.unknown);
                sum.told = plus(sum.told, weight, &product(&own, &pull));
            }
            sum.row = plus(sum.row, 1.0, &row);
            sum.expected = plus(sum.expected, 1.0, expected);
            sum.drawn = plus(sum.drawn, 1.0, drawn);
            sum.squares = plus(sum.squares, 1.0, &product(drawn, drawn));
            sum.implicit = plus(sum.implicit, 1.0, implicit);
            *newcomer += dot(implicit, &row) + implicit[0] * (1.0 - row[0]);
        });
    }

    /// A bias and factors of a stretch each, of the sums that `of` tells: 1 + stretches x (depth - 1) numbers.
    fn line(&self, of: impl Fn(&Stretch<W>) -> Row<W>) -> Vec<f32> {
        let n_sweeps = self.n_sweeps as f32;
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
        let n_sweeps = self.n_sweeps as f32;
        let mut unknown_user = self.line(|stretch| stretch.unknown_user);
        unknown_user.extend([1.0, 0.0]);
        let mut unknown_item = self.line(|stretch| stretch.unknown_item);
        // A user's prediction for one more goes with the item's weight of it, and the other way round.
        unknown_item.extend([0.0, 1.0]);
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let unknown = unknown_user[0] + unknown_item[0] + product(&unknown_user[1..], &unknown_item[1..]);
        let (mut item_bias, mut item_factors) = (Vec::new(), Vec::new());
        for (item, &weight) in items.weight.iter().enumerate() {
            let mut line = self.line(|stretch| stretch.items[item].row);
            line.extend([self.newcomer[item] / n_sweeps, one_more(weight)]);
            line.iter_mut().zip(&unknown_item).for_each(|(value, unknown)| *value -= unknown);
            item_bias.push(level.deviation * (line[0] + product(&line[1..], &unknown_user[1..])));
            item_factors.extend_from_slice(&line[1..]);
        }
        let held = |item: usize| {
            self.stretches.iter().flat_map(move |stretch| {
                stretch.items[item].held(stretch.n_sweeps as f32).into_iter().flatten()
            })
        };
        let stretches = self.stretches.iter().map(|stretch| {
            let n = stretch.n_sweeps as f32;
            StretchTerms {
                share: n / n_sweeps,
                prior_mean: stretch.unknown_user.map(|sum| sum / n).to_vec(),
                prior_precision: stretch.user_precision.map(|sum| sum / n).to_vec(),
            }
        });
        RatingItems {
            held: (0..items.weight.len()).flat_map(held).collect(),
            item_bias,
            item_factors,
            terms: StarTerms {
                global_mean: level.mean + level.deviation * unknown,
                mean: level.mean,
                deviation: level.deviation,
                noise_rate: (self.noise_rate / self.n_sweeps as f64) as f32,
                depth: self.depth,
                width: W,
                stretches: stretches.collect(),
                unknown_user,
                unknown_item,
            },
        }
    }
}

/// What implicit factors weigh when a row has one rating more than those `weight` comes of.
pub(super) fn one_more(weight: f32) -> f32 {
    // weight^-2 is the number of ratings; 0 stands for none.
    if weight == 0.0 { 1.0 } else { weight / (1.0 + weight * weight).sqrt() }
}
