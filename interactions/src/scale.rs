//! The scale of ratings.

use limits::Refused;
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
    /// [`Refused`] if `min` is not below `max`, or their difference is not finite.
    pub fn check(self) -> Result<(), Refused> {
        let Self { min, max } = self;
        if min < max && (max - min).is_finite() {
            return Ok(());
        }
        let problem = "the lowest rating must be below the highest, and both finite";
        Err(Refused::new("--min-rating", min, problem).against("--max-rating", max))
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
