//! How large a score can be, rounding included: what lets scoring leave items out and stay exact.
//!
//! A score is a chain of k fused multiply-adds in f32, each of which errs by at most a relative 2^-24 or, where it
//! underflows, an absolute 2^-150. So for factors p and q (Higham: "Accuracy and Stability of Numerical
//! Algorithms", section 3.1, and Cauchy-Schwarz)
//!
//! ```text
//! score <= p.q + g |p| |q| + k 2^-149 <= (1 + g) |p| |q| + k 2^-149,    g = k 2^-24 / (1 - k 2^-24)
//! ```
//!
//! Norms are taken in f64, in which squares of f32 are exact and nothing overflows; their own error, about k 2^-53,
//! disappears in the margin, which is twice what it need be.

/// The bound for a number of factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    relative: f64,
    absolute: f64,
}

impl Bound {
    /// The bound of scores of so many factors.
    pub(super) fn new(n_factors: usize) -> Self {
        let k = n_factors as f64;
        // Above some number of factors g is no longer below 2 k 2^-24, and nothing is left out.
        let relative = if n_factors <= 1 << 20 { 1.0 + k * 2f64.powi(-23) } else { f64::INFINITY };
        Self { relative, absolute: k * 2f64.powi(-149) }
    }

    /// What a product of norms may be multiplied by: 1 + g and a margin.
    pub(super) fn relative(self) -> f64 {
        self.relative
    }

    /// What underflow may add.
    pub(super) fn absolute(self) -> f64 {
        self.absolute
    }

    /// The norm below which an item cannot reach `score` with a user of norm `user`: zero where any item may.
    pub(super) fn cut(self, score: f32, user: f64) -> f64 {
        let excess = f64::from(score) - self.absolute;
        if excess > 0.0 { (excess / (user * self.relative) * (1.0 - 1e-12)).max(0.0) } else { 0.0 }
    }
}

/// The Euclidean norm of factors.
#[inline(always)]
pub(super) fn norm(factors: &[f32]) -> f64 {
    // In lanes, as a sum one after the other is slow.
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
        /// The hardest case there is: two vectors of the same direction.
        #[test]
        fn an_item_as_long_as_the_cut_may_reach_the_score(
            factors in prop::collection::vec(-1.0f32..1.0, 1..200), exponent in -60i32..60, ratio in 0.5f32..2.0
        ) {
            let user: Vec<f32> = factors.iter().map(|factor| factor * 2f32.powi(exponent)).collect();
            let item: Vec<f32> = factors.iter().map(|factor| factor * ratio).collect();
            let score = user.iter().zip(&item).fold(0.0f32, |sum, (p, q)| p.mul_add(*q, sum));
            prop_assert!(Bound::new(user.len()).cut(score, norm(&user)) <= norm(&item));
        }
    }

    #[test]
    fn where_zero_is_enough_every_item_may_reach_it() {
        let bound = Bound::new(3);
        for user in [0.0, 1.0] {
            assert_eq!(bound.cut(0.0, user), 0.0);
            assert_eq!(bound.cut(-1.0, user), 0.0);
            assert_eq!(bound.cut(f32::NEG_INFINITY, user), 0.0);
        }
        assert_eq!(bound.cut(1.0, 0.0), f64::INFINITY);
    }
}
