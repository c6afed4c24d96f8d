//! The fold-in of a user: the row that follows from the user's ratings with the items fixed. It approximates
//! the mean of the sampler's draws.
//!
//! Each segment of the chain keeps some draws of the items. Given one draw, a user's row is a ridge
//! regression whose prior mean is moved by the implicit factors of the movies rated; the precision of the
//! user's ratings is found by turns with the row. The mean of the draws cannot stand in for them: it would be
//! taken as known, and the differences between the draws are what pulls a user's factors towards the prior.
//!
//! A user's own implicit factors, which are added to movies, need no solver: in the posterior mean they are
//! the sum of the contributions of the movies (`item_contributions`). That holds if the movies were trained
//! on the user's ratings, because a contribution is what remains after the user's part is included. For other
//! users it is far too much, and damping it by the movies' precision is no better than 0. So other users add
//! nothing to a movie.

use pulp::{Simd, WithSimd};

use super::chain_segment::weight_with_one_more;
use super::items::{RatingItems, SegmentTerms, StarTerms};
use super::noise::{MAX_PRECISION, SHAPE};
use super::rows::{Row, Square, add, dot, invert, multiply, plus, product};

/// Rows of an item's payload in each segment, beside those of the draws: implicit factors and contribution.
pub(super) const SHARED: usize = 2;
/// Iterations of a row and the precision of its ratings.
const ITERATIONS: usize = 4;

/// The fold-in of a user, with the vectors of the machine. The result is the row of 1 + n_factors
/// standardized numbers, before the unknown user's row is subtracted.
pub(super) struct FoldIn<'a, const W: usize> {
    pub(super) items: &'a RatingItems,
    /// Items rated by the user.
    pub(super) rated: &'a [u32],
    /// Stars of each of these.
    pub(super) stars: &'a [f32],
    /// Whether the items were trained on this user's ratings, among others.
    pub(super) is_trained: bool,
}

impl<const W: usize> WithSimd for FoldIn<'_, W> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let StarTerms { segments, rank, n_draws, noise_rate, .. } = &self.items.terms;
        let weight = (self.rated.len() as f32).sqrt().recip();
        let mut user = vec![0.0];
        let mut implicit_term = 0.0;
        for (number, segment) in segments.iter().enumerate() {
            let [implicit_part, contributions] = self.implicit_sums(simd, number);
            let implicit_part = product(&implicit_part, &[weight; W]);
            let mut row = [0.0; W];
            for draw in 0..*n_draws {
                let sums = self.rating_sums(simd, number, draw);
                row = plus(row, 1.0, &sums.solve(simd, segment, &implicit_part, *noise_rate)?);
            }
            row = product(&row, &[(*n_draws as f32).recip(); W]);
            let row = plus(row, weight_with_one_more(weight) / weight - 1.0, &implicit_part);
            user[0] += segment.share * row[0];
            user.extend(row[1..*rank].iter().map(|factor| segment.share.sqrt() * factor));
            let mut regressors = row;
            regressors[0] = 1.0;
            if self.is_trained {
                implicit_term += segment.share * dot(&contributions, &regressors);
            }
        }
        user.extend([weight_with_one_more(weight), implicit_term]);
        Some(user)
    }
}

/// Sums over a user's ratings, with the movies' rows of one draw. A movie's regressors x are its factors, and
/// 1 for the user's bias; the observed part of a rating is the standardized rating less the movie's bias.
struct RatingSums<const W: usize> {
    n: usize,
    /// A: the sum of `x x^T`.
    squares: Square<W>,
    /// b: the sum of x times the observed part.
    observed: Row<W>,
    /// s: the sum of the squares of the observed part.
    square: f64,
}

impl<const W: usize> FoldIn<'_, W> {
    /// The payload rows of an item in a segment.
    #[inline(always)]
    fn rows(&self, item: u32, segment: usize) -> &[Row<W>] {
        let n_rows = SHARED + self.items.terms.n_draws;
        let payload = &self.items.item_payload[item as usize * self.items.terms.payload_len()..];
        let (rows, _) = payload.as_chunks::<W>();
        &rows[segment * n_rows..][..n_rows]
    }

    /// The sums of the implicit factors of the movies rated, and of their contributions to the user's.
    #[inline(always)]
    fn implicit_sums<S: Simd>(&self, simd: S, segment: usize) -> [Row<W>; SHARED] {
        let mut sums = [[0.0; W]; SHARED];
        for &item in self.rated {
            for (sum, row) in sums.iter_mut().zip(self.rows(item, segment)) {
                add(simd, sum, 1.0, row);
            }
        }
        sums
    }

    /// Sums up the ratings. Cost: W^2 multiplications each.
    #[inline(always)]
    fn rating_sums<S: Simd>(&self, simd: S, segment: usize, draw: usize) -> RatingSums<W> {
        let standardizer = self.items.terms.standardizer();
        let (mut squares, mut observed, mut square) = ([[0.0; W]; W], [0.0; W], 0.0);
        for (&item, &stars) in self.rated.iter().zip(self.stars) {
            let mut regressors = self.rows(item, segment)[SHARED + draw];
            let rest = standardizer.standardize(stars) - std::mem::replace(&mut regressors[0], 1.0);
            add(simd, &mut observed, rest, &regressors);
            for (line, &regressor) in squares.iter_mut().zip(&regressors) {
                add(simd, line, regressor, &regressors);
            }
            square += f64::from(rest).powi(2);
        }
        RatingSums { n: self.rated.len(), squares, observed, square }
    }
}

impl<const W: usize> RatingSums<W> {
    /// Solves for the row. With P and m the prior's precision and mean, by turns
    ///
    /// ```text
    /// C = (P + precision A)^-1,   row = C (P (m + implicit_part) + precision b)
    /// precision = (SHAPE + n / 2) / (rate + (s - 2 b . row + row . A row + trace(A C)) / 2)
    /// ```
    ///
    /// Returns `None` if a matrix is not positive definite.
    #[inline(always)]
    fn solve<S: Simd>(
        &self,
        simd: S,
        segment: &SegmentTerms,
        implicit_part: &Row<W>,
        rate: f32,
    ) -> Option<Row<W>> {
        let Self { n, squares, observed, square, .. } = self;
        let prior: Row<W> = segment.prior_precision.as_slice().try_into().ok()?;
        let mean: Row<W> = segment.prior_mean.as_slice().try_into().ok()?;
        let start = product(&prior, &plus(mean, 1.0, implicit_part));
        let mut precision = (SHAPE / f64::from(rate)).min(MAX_PRECISION) as f32;
        let mut row = mean;
        for _ in 0..ITERATIONS {
            let mut matrix = *squares;
            for (place, line) in matrix.iter_mut().enumerate() {
                *line = product(line, &[precision; W]);
                line[place] += prior[place];
            }
            if !invert(simd, &mut matrix) {
                return None;
            }
            row = multiply(simd, &matrix, &plus(start, precision, observed));
            // The sum of 1 - C P over the diagonal is precision * trace(A C).
            let explained: f32 = (0..W).map(|place| 1.0 - matrix[place][place] * prior[place]).sum();
            let off = plus(multiply(simd, squares, &row), -2.0, observed);
            let errors = square + f64::from(dot(&row, &off)) + f64::from(explained / precision);
            let rate = f64::from(rate) + errors.max(0.0) / 2.0;
            precision = ((SHAPE + *n as f64 / 2.0) / rate).min(MAX_PRECISION) as f32;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests;
