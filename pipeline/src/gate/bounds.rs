//! How far tonight may be from last night.

use crate::error::{Error, Result};

/// The bounds of the gate, all of them shares. The defaults let a site grow and refuse what no ordinary day does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// How many ratings, users, movies and described movies may be lost since what is published.
    pub max_loss: f64,
    /// How many may be gained.
    pub max_gain: f64,
    /// How much more of the rows may be rejected, in points: 0.05 lets 1 % become 6 %.
    pub max_more_rejected: f64,
    /// How many of the rated movies may be without metadata.
    pub max_unnamed: f64,
    /// How much worse the model may be on held-out ratings.
    pub max_quality_loss: f64,
    /// How much better than the most rated movies its lists must be: 0 asks for as good.
    pub min_lift: f64,
    /// How many fewer movies may stand among the first ten of anybody's list.
    pub max_coverage_loss: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Bounds {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        max_loss: 0.05,
        max_gain: 0.5,
        max_more_rejected: 0.05,
        max_unnamed: 0.25,
        max_quality_loss: 0.1,
        min_lift: 0.0,
        max_coverage_loss: 0.5,
    };

    /// Checks that they are bounds, by the names of the options.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first that is none.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [
            ("--max-loss", self.max_loss),
            ("--max-gain", self.max_gain),
            ("--max-more-rejected", self.max_more_rejected),
            ("--max-unnamed", self.max_unnamed),
            ("--max-quality-loss", self.max_quality_loss),
            ("--max-coverage-loss", self.max_coverage_loss),
        ] {
            if value.is_nan() || value < 0.0 {
                return Err(Error::setting(name, value, "it is a share: 0.05 for 5 %, inf for no bound"));
            }
        }
        if self.min_lift.is_nan() {
            let problem = "it is a share: 0.1 asks for 10 % better, -inf for nothing";
            return Err(Error::setting("--min-lift", self.min_lift, problem));
        }
        Ok(())
    }
}
