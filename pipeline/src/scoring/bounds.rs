//! How large a score can be, rounding included: what lets scoring leave items out and stay exact.
//!
//! A score is a chain of k fused multiply-adds in f32, each of which errs by at most a relative 2^-24 or, where it
//! underflows, an absolute 2^-150. So for factors p and q (Higham: "Accuracy and Stability of Numerical
//! Algorithms", section 3.1, and Cauchy-Schwarz)
//!
//! ```text
//! score <= p.q + g sum over d of |p[d] q[d]| + k 2^-149 <= (1 + g) |p| |q| + k 2^-149,    g = k 2^-24 / (1 - k 2^-24)
//! ```
//!
//! Norms are taken in f64, in which squares of f32 are exact and nothing overflows; their own error, about k 2^-53,
//! disappears in the margin, which is twice what it need be.

/// The bound for a number of factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// At least (1 + g) (1 + the error of two norms and their product).
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

    /// The norm below which an item cannot reach `score` with a user of norm `user`: zero where any item may.
    pub(super) fn cut(self, score: f32, user: f64) -> f64 {
        let excess = f64::from(score) - self.absolute;
        // Not `excess <= 0.0`, which NaN would pass.
        if excess > 0.0 {
            (excess / (user * self.relative) * (1.0 - f64::EPSILON * 4.0)).max(0.0)
        } else {
            0.0
        }
    }
}

/// The Euclidean norm of factors.
pub(super) fn norm(factors: &[f32]) -> f64 {
    factors.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}
