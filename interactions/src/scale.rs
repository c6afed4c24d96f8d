//! The scale of ratings.

use serde::{Deserialize, Serialize};

/// The stars that a rating may have, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// The fewest.
    pub min: f32,
    /// The most.
    pub max: f32,
}

impl Scale {
    /// Stars as a rating could have them: those beyond an end become that end.
    #[must_use]
    pub fn clamp(self, stars: f32) -> f32 {
        stars.clamp(self.min, self.max)
    }

    /// Checks that the scale has a length.
    ///
    /// # Errors
    /// [`InvalidScale`] where `min` is not below `max` or one of them is not finite.
    pub fn check(self) -> Result<(), InvalidScale> {
        let Self { min, max } = self;
        if min < max && min.is_finite() && max.is_finite() { Ok(()) } else { Err(InvalidScale { min, max }) }
    }

    /// Whether stars are a number on the scale.
    #[must_use]
    pub fn contains(self, stars: f32) -> bool {
        stars.is_finite() && (self.min..=self.max).contains(&stars)
    }
}

impl Default for Scale {
    /// MovieLens' half star to five.
    fn default() -> Self {
        Self { min: 0.5, max: 5.0 }
    }
}

/// A scale on which no two ratings differ.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("--min-rating to --max-rating is {min} to {max}: the first must be below the second")]
pub struct InvalidScale {
    /// The lower end.
    pub min: f32,
    /// The upper end.
    pub max: f32,
}
