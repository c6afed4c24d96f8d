//! The candidates of a generation, and their scores by definition.

use pulp::Arch;
use store::records::Factors;
use store::{MovieId, Tables};

/// All movies that a list may hold, ids ascending, and their factors.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    movies: Vec<MovieId>,
    factors: Vec<Factors>,
}

/// A dot product in f64, and the tolerance of the same sum in f32.
pub(super) struct Reference {
    pub(super) score: f64,
    pub(super) tolerance: f64,
}

impl Candidates {
    /// Reads all candidates.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub fn of(tables: &Tables) -> store::Result<Self> {
        let (movies, factors) = tables.candidates().collect::<store::Result<_>>()?;
        Ok(Self { movies, factors })
    }

    /// The number of candidates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.movies.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.movies.is_empty()
    }

    /// The candidates, ids ascending.
    pub(super) fn movies(&self) -> &[MovieId] {
        &self.movies
    }

    /// Returns a candidate's factors; `None` for a movie that is not a candidate.
    pub(super) fn factors(&self, movie: MovieId) -> Option<&Factors> {
        self.movies.binary_search(&movie).ok().map(|row| &self.factors[row])
    }

    /// Returns the first candidate with another number of factors.
    pub(super) fn first_with_other_length(&self, n_factors: usize) -> Option<MovieId> {
        self.factors.iter().position(|factors| factors.0.len() != n_factors).map(|row| self.movies[row])
    }

    /// Returns the scores of all candidates for a user, in the order of the candidates.
    pub(super) fn scores(&self, user: &Factors) -> Vec<f32> {
        Arch::new().dispatch(
            #[inline(always)]
            || self.factors.iter().map(|item| score(user, item)).collect(),
        )
    }
}

/// Returns the score that a list is ordered by: `sum over f of user[f] * item[f]` in f32, one fused multiply-add a
/// factor, from the first to the last.
#[inline(always)]
pub(super) fn score(user: &Factors, item: &Factors) -> f32 {
    user.0.iter().zip(&item.0).fold(0.0, |sum, (p, q)| p.mul_add(*q, sum))
}

/// Returns the same sum in f64. A chain of n fused multiply-adds rounds n times, so the error of the sum in f32 is at most
///
/// ```text
/// n u / (1 - n u) * sum over f of |user[f] * item[f]| + n * 2^-150,   u = 2^-24
/// ```
///
/// (Higham: Accuracy and Stability of Numerical Algorithms, 2002, section 3.1; the last term is for sums that are
/// subnormal). The tolerance is twice this bound, since the sums in f64 round too.
pub(super) fn reference(user: &Factors, item: &Factors) -> Reference {
    let products = || user.0.iter().zip(&item.0).map(|(&p, &q)| f64::from(p) * f64::from(q));
    let magnitude: f64 = products().map(f64::abs).sum();
    let n = user.0.len() as f64;
    let rounding = n * f64::from(f32::EPSILON) / 2.0;
    let tolerance = 2.0 * (rounding / (1.0 - rounding) * magnitude + n * 2f64.powi(-150));
    Reference { score: products().sum(), tolerance }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_score_is_within_the_tolerance_of_the_sum_in_f64(
            pairs in prop::collection::vec((-9.0f32..9.0, -9.0f32..9.0), 0..300),
            scale in prop::sample::select(vec![1.0f32, 1e-22, 1e15]),
        ) {
            let (user, item): (Vec<_>, Vec<_>) = pairs.into_iter().map(|(p, q)| (p * scale, q * scale)).unzip();
            let (user, item) = (Factors(user), Factors(item));
            let Reference { score: expected, tolerance } = reference(&user, &item);
            let found = f64::from(score(&user, &item));
            prop_assert!((found - expected).abs() <= tolerance, "{found} {expected} {tolerance}");
        }
    }
}
