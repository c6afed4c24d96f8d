//! Upper bounds of scores, rounding included. They let scoring skip items and stay exact.
//!
//! A score is a chain of k fused multiply-adds in f32, each of which errs by at most a relative 2^-24 or, where it
//! underflows, an absolute 2^-150. So for factors p and q (Higham: "Accuracy and Stability of Numerical
//! Algorithms", section 3.1, and Cauchy-Schwarz)
//!
//! ```text
//! score <= p.q + g |p| |q| + k 2^-149 <= (1 + g) |p| |q| + k 2^-149,    g = k 2^-24 / (1 - k 2^-24)
//! ```
//!
//! Norms are computed in f64, in which squares of f32 are exact and nothing overflows. Their own error, about
//! k 2^-53, is covered by the margin, which is twice g.

/// The bound of a score, from the norms of its factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    relative: f64,
    absolute: f64,
}

impl Bound {
    /// The bound of scores of `n_factors` factors.
    pub(super) fn new(n_factors: usize) -> Self {
        let k = n_factors as f64;
        // Above this number of factors g is no longer below 2 k 2^-24, and no item is skipped.
        let relative = if n_factors <= 1 << 20 { 1.0 + k * 2f64.powi(-23) } else { f64::INFINITY };
        Self { relative, absolute: k * 2f64.powi(-149) }
    }

    /// The factor of the product of the norms: 1 + g and a margin.
    pub(super) fn relative(self) -> f64 {
        self.relative
    }

    /// The term that underflow may add.
    pub(super) fn absolute(self) -> f64 {
        self.absolute
    }

    /// The norm below which an item cannot reach `score` with a user of norm `user`; zero if any item may.
    pub(super) fn cut(self, score: f32, user: f64) -> f64 {
        let excess = f64::from(score) - self.absolute;
        if excess > 0.0 { (excess / (user * self.relative) * (1.0 - 1e-12)).max(0.0) } else { 0.0 }
    }
}

/// The Euclidean norm of factors.
#[inline(always)]
pub(super) fn norm(factors: &[f32]) -> f64 {
    // In lanes, because a sequential sum is slow.
    let mut squares = [0.0f64; 8];
    for factors in factors.chunks(8) {
        for (square, &factor) in squares.iter_mut().zip(factors) {
            *square += f64::from(factor) * f64::from(factor);
        }
    }
    squares.iter().sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Vectors of the same direction, where the bound is tight.
        #[test]
        fn an_item_that_reaches_the_score_has_at_least_the_norm_of_the_cut(
            factors in prop::collection::vec(-1.0f32..1.0, 1..200), exponent in -60i32..60, ratio in 0.5f32..2.0
        ) {
            let user: Vec<f32> = factors.iter().map(|factor| factor * 2f32.powi(exponent)).collect();
            let item: Vec<f32> = factors.iter().map(|factor| factor * ratio).collect();
            let score = user.iter().zip(&item).fold(0.0f32, |sum, (p, q)| p.mul_add(*q, sum));
            prop_assert!(Bound::new(user.len()).cut(score, norm(&user)) <= norm(&item));
        }
    }

    #[test]
    fn every_item_may_reach_a_score_of_zero() {
        let bound = Bound::new(3);
        for user in [0.0, 1.0] {
            assert_eq!(bound.cut(0.0, user), 0.0);
            assert_eq!(bound.cut(-1.0, user), 0.0);
            assert_eq!(bound.cut(f32::NEG_INFINITY, user), 0.0);
        }
        assert_eq!(bound.cut(1.0, 0.0), f64::INFINITY);
    }
}
