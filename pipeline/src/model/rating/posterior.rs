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

use rayon::prelude::*;

use super::rows::{Row, dot, plus};
use super::side::{MIN_ROWS, Side};
use super::{Level, RatingModel};

/// Stretches of the chain whose means are kept apart.
const STRETCHES: usize = 4;

/// The sums of one side over the sweeps that are kept.
pub(super) struct Sums<const W: usize> {
    depth: usize,
    stretches: Vec<Stretch<W>>,
    /// What a row's implicit factors predict together with the row they stand for.
    newcomer: Vec<f32>,
    n_sweeps: usize,
}

struct Stretch<const W: usize> {
    rows: Vec<Row<W>>,
    /// What a row without ratings is.
    unknown: Row<W>,
    n_sweeps: usize,
}

/// The means of one side as factors.
struct Means {
    /// Of row r the bias, then the factors: those of the stretches, the weight of one more, and its prediction.
    rows: Vec<f32>,
    /// The same of a row without ratings.
    unknown: Vec<f32>,
}

impl<const W: usize> Sums<W> {
    pub(super) fn new(depth: usize, side: &Side<'_, W>) -> Self {
        Self { depth, stretches: Vec::new(), newcomer: vec![0.0; side.rows.len()], n_sweeps: 0 }
    }

    /// Takes a sweep, the `number`-th of `n` that are kept, counted from 0. `implicit_factors` are those that stand
    /// for the rows of this side.
    pub(super) fn take(&mut self, side: &Side<'_, W>, implicit_factors: &[Row<W>], number: usize, n: usize) {
        if self.stretches.len() <= number * STRETCHES / n {
            self.stretches.push(Stretch {
                rows: vec![[0.0; W]; side.rows.len()],
                unknown: [0.0; W],
                n_sweeps: 0,
            });
        }
        let Some(stretch) = self.stretches.last_mut() else { return };
        self.n_sweeps += 1;
        stretch.n_sweeps += 1;
        stretch.unknown = plus(stretch.unknown, 1.0, &side.unknown);
        let rows = side.expected.par_iter().zip(&side.implied).zip(&side.weight).zip(implicit_factors);
        let sums = stretch.rows.par_iter_mut().zip(&mut self.newcomer);
        sums.zip(rows).with_min_len(MIN_ROWS).for_each(
            |((sum, newcomer), (((expected, implied), &weight), implicit))| {
                let mut row = *expected;
                if weight > 0.0 {
                    row = plus(row, one_more(weight) / weight - 1.0, implied);
                }
                *sum = plus(*sum, 1.0, &row);
                *newcomer += dot(implicit, &row) + implicit[0] * (1.0 - row[0]);
            },
        );
    }

    fn means(self, side: &Side<'_, W>) -> Means {
        let n_sweeps = self.n_sweeps as f32;
        let (stretches, depth) = (&self.stretches, self.depth);
        let bias = |of: &dyn Fn(&Stretch<W>) -> f32| stretches.iter().map(of).sum::<f32>() / n_sweeps;
        let factors = |stretch: &Stretch<W>, sums: &Row<W>| {
            let scale = (n_sweeps * stretch.n_sweeps as f32).sqrt().recip();
            sums[1..depth].iter().map(|sum| sum * scale).collect::<Vec<_>>()
        };
        let row = |row: usize| {
            let mut line = vec![bias(&|stretch| stretch.rows[row][0])];
            stretches.iter().for_each(|stretch| line.extend(factors(stretch, &stretch.rows[row])));
            line.extend([one_more(side.weight[row]), self.newcomer[row] / n_sweeps]);
            line
        };
        let mut unknown = vec![bias(&|stretch| stretch.unknown[0])];
        stretches.iter().for_each(|stretch| unknown.extend(factors(stretch, &stretch.unknown)));
        unknown.extend([1.0, 0.0]);
        Means { rows: (0..side.weight.len()).into_par_iter().flat_map_iter(row).collect(), unknown }
    }
}

/// What implicit factors weigh when a row has one rating more than those `weight` comes of.
fn one_more(weight: f32) -> f32 {
    // weight^-2 is the number of ratings; 0 stands for none.
    if weight == 0.0 { 1.0 } else { weight / (1.0 + weight * weight).sqrt() }
}

/// The model of what was kept. Biases and factors are told from those of a user and an item of whom nothing is
/// known, which so become zero.
pub(super) fn model<const W: usize>(
    users: (Sums<W>, &Side<'_, W>),
    items: (Sums<W>, &Side<'_, W>),
    level: Level,
) -> RatingModel {
    let (users, mut items) = (users.0.means(users.1), items.0.means(items.1));
    let line = users.unknown.len();
    // A user's prediction for one more goes with the item's weight of it, and the other way round.
    items.rows.chunks_exact_mut(line).for_each(|row| row.swap(line - 2, line - 1));
    items.unknown.swap(line - 2, line - 1);
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let parted = |means: &Means, other: &Means| {
        let (mut bias, mut factors) = (Vec::new(), Vec::new());
        for row in means.rows.chunks_exact(line) {
            let own: Vec<f32> =
                row.iter().zip(&means.unknown).map(|(value, unknown)| value - unknown).collect();
            bias.push(level.deviation * (own[0] + product(&own[1..], &other.unknown[1..])));
            factors.extend_from_slice(&own[1..]);
        }
        (bias, factors)
    };
    let unknown = users.unknown[0] + items.unknown[0] + product(&users.unknown[1..], &items.unknown[1..]);
    let (user_bias, mut user_factors) = parted(&users, &items);
    let (item_bias, item_factors) = parted(&items, &users);
    user_factors.iter_mut().for_each(|factor| *factor *= level.deviation);
    RatingModel {
        n_factors: line - 1,
        global_mean: level.mean + level.deviation * unknown,
        user_bias,
        item_bias,
        user_factors,
        item_factors,
    }
}
