//! The scale of ratings.

use serde::{Deserialize, Serialize};

/// The range of stars of a rating, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Fewest stars.
    pub min: f32,
    /// Most stars.
    pub max: f32,
}

impl Scale {
    /// Clamps stars to the scale.
    #[must_use]
    pub fn clamp(self, stars: f32) -> f32 {
        stars.clamp(self.min, self.max)
    }

    /// Checks that the scale is finite and not empty.
    ///
    /// # Errors
    /// [`InvalidScale`] if `min` is not below `max` or one of them is not finite.
    pub fn check(self) -> Result<(), InvalidScale> {
        let Self { min, max } = self;
        if min < max && min.is_finite() && max.is_finite() { Ok(()) } else { Err(InvalidScale { min, max }) }
    }

    /// Whether stars are finite and on the scale.
    #[must_use]
    pub fn contains(self, stars: f32) -> bool {
        stars.is_finite() && (self.min..=self.max).contains(&stars)
    }
}

impl Default for Scale {
    /// The scale of MovieLens: half a star to five stars.
    fn default() -> Self {
        Self { min: 0.5, max: 5.0 }
    }
}

/// A scale that is empty or not finite.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "--min-rating is {min} and --max-rating is {max}: the first must be below the second, and both finite"
)]
pub struct InvalidScale {
    /// Fewest stars.
    pub min: f32,
    /// Most stars.
    pub max: f32,
}
