//! A user's row from the user's ratings, the items being item_payload: the mean of what the sampler would draw.
//!
//! In each stretch of the chain items are held at some of their draws. Given one, what is left of a user is a ridge
//! regression, whose prior mean the implicit factors of the movies rated have moved, and the precision of the user's
//! ratings, which is found by turns with it. The mean of a few draws will not do instead of them: it would be taken for
//! known, and what the draws differ in is what pulls a user's factors towards the prior.
//!
//! A user's own implicit factors, those that are added to the movies, need no solving: in the posterior's mean they are
//! the sum of what the movies' own parts pull at them. That is so where the movies were trained on the user's ratings, and
//! what they pull is what is left once the user's part is in them. Of anybody else it would be far too much, and damping it
//! by how firmly they pull is no better than what is then taken: such a user adds nothing to a movie.

use pulp::{Simd, WithSimd};

use super::items::{RatingItems, SegmentTerms, StarTerms};
use super::noise::{MOST_PRECISE, SHAPE};
use super::rows::{Row, Square, add, dot, invert, multiply, plus, product};
use super::stretch::one_more;

/// Rows of each item in each stretch beside those of the draws.
pub(super) const SHARED: usize = 2;
/// How often a row and the precision of its ratings are found from each other.
const PASSES: usize = 4;

/// Forms a user's bias and factors, with the vectors of the machine: 1 + n_factors numbers in standard deviations,
/// from which those of an unknown user have not been taken yet.
pub(super) struct Form<'a, const W: usize> {
    pub(super) items: &'a RatingItems,
    pub(super) rated: &'a [u32],
    pub(super) stars: &'a [f32],
    /// Whether the items were trained on this user's ratings, among others.
    pub(super) is_trained: bool,
}

impl<const W: usize> WithSimd for Form<'_, W> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let StarTerms { segments: stretches, depth, n_draws, noise_rate, .. } = &self.items.terms;
        let weight = (self.rated.len() as f32).sqrt().recip();
        let mut line = vec![0.0];
        let mut newcomer = 0.0;
        for (number, stretch) in stretches.iter().enumerate() {
            let [implied, implicit] = self.implied(simd, number);
            let implied = product(&implied, &[weight; W]);
            let mut row = [0.0; W];
            for draw in 0..*n_draws {
                let evidence = self.evidence(simd, number, draw);
                row = plus(row, 1.0, &evidence.solve(simd, stretch, &implied, *noise_rate)?);
            }
            row = product(&row, &[(*n_draws as f32).recip(); W]);
            let row = plus(row, one_more(weight) / weight - 1.0, &implied);
            line[0] += stretch.share * row[0];
            line.extend(row[1..*depth].iter().map(|factor| stretch.share.sqrt() * factor));
            let mut regressors = row;
            regressors[0] = 1.0;
            if self.is_trained {
                newcomer += stretch.share * dot(&implicit, &regressors);
            }
        }
        line.extend([one_more(weight), newcomer]);
        Some(line)
    }
}

/// What a user's ratings say, the movies' rows being those of a draw.
struct Evidence<const W: usize> {
    n: usize,
    /// The sum of `x x^T` over the ratings, x being the movie's factors, and 1 for the bias.
    squares: Square<W>,
    /// That of `x` times the part of the rating that is not the movie's bias.
    observed: Row<W>,
    /// That of the squares of this part.
    square: f64,
}

impl<const W: usize> Form<'_, W> {
    /// The rows of an item in a stretch.
    #[inline(always)]
    fn rows(&self, item: u32, stretch: usize) -> &[Row<W>] {
        let n_rows = SHARED + self.items.terms.n_draws;
        let (rows, _) =
            self.items.item_payload[item as usize * self.items.terms.payload_len()..].as_chunks::<W>();
        &rows[stretch * n_rows..][..n_rows]
    }

    /// The sums of the implicit factors of the movies rated and of what these tell the user's.
    #[inline(always)]
    fn implied<S: Simd>(&self, simd: S, stretch: usize) -> [Row<W>; SHARED] {
        let mut sums = [[0.0; W]; SHARED];
        for &item in self.rated {
            for (sum, row) in sums.iter_mut().zip(self.rows(item, stretch)) {
                add(simd, sum, 1.0, row);
            }
        }
        sums
    }

    /// Reads the ratings. Cost: W^2 multiplications each.
    #[inline(always)]
    fn evidence<S: Simd>(&self, simd: S, stretch: usize, draw: usize) -> Evidence<W> {
        let level = self.items.terms.level();
        let (mut squares, mut observed, mut square) = ([[0.0; W]; W], [0.0; W], 0.0);
        for (&item, &stars) in self.rated.iter().zip(self.stars) {
            let mut regressors = self.rows(item, stretch)[SHARED + draw];
            let rest = level.of_stars(stars) - std::mem::replace(&mut regressors[0], 1.0);
            add(simd, &mut observed, rest, &regressors);
            for (line, &regressor) in squares.iter_mut().zip(&regressors) {
                add(simd, line, regressor, &regressors);
            }
            square += f64::from(rest).powi(2);
        }
        Evidence { n: self.rated.len(), squares, observed, square }
    }
}

impl<const W: usize> Evidence<W> {
    /// The row: with P and m the prior's precision and mean, A, b and s the sums over the ratings, by turns
    ///
    /// ```text
    /// C = (P + precision A)^-1,   row = C (P (m + implied) + precision b)
    /// precision = (SHAPE + n / 2) / (rate + (s - 2 b . row + row . A row + trace(A C)) / 2)
    /// ```
    #[inline(always)]
    fn solve<S: Simd>(&self, simd: S, stretch: &SegmentTerms, implied: &Row<W>, rate: f32) -> Option<Row<W>> {
        let Self { n, squares, observed, square, .. } = self;
        let prior: Row<W> = stretch.prior_precision.as_slice().try_into().ok()?;
        let mean: Row<W> = stretch.prior_mean.as_slice().try_into().ok()?;
        let start = product(&prior, &plus(mean, 1.0, implied));
        let mut precision = (SHAPE / f64::from(rate)).min(MOST_PRECISE) as f32;
        let mut row = mean;
        for _ in 0..PASSES {
            let mut system = *squares;
            for (place, line) in system.iter_mut().enumerate() {
                *line = product(line, &[precision; W]);
                line[place] += prior[place];
            }
            if !invert(simd, &mut system) {
                return None;
            }
            row = multiply(simd, &system, &plus(start, precision, observed));
            let known: f32 = (0..W).map(|place| 1.0 - system[place][place] * prior[place]).sum();
            let off = plus(multiply(simd, squares, &row), -2.0, observed);
            let errors = square + f64::from(dot(&row, &off)) + f64::from(known / precision);
            let rate = f64::from(rate) + errors.max(0.0) / 2.0;
            precision = ((SHAPE + *n as f64 / 2.0) / rate).min(MOST_PRECISE) as f32;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests;
