//! The bounds of the gate: how far a generation may differ from the published one, and how good a first one must be.

use limits::Limits;

use crate::error::Result;

/// The bounds of the gate, all of them shares. The defaults let a site grow, and refuse changes beyond those of a usual day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The largest loss of ratings, users, movies and described movies, compared with the published generation.
    pub max_loss: f64,
    /// The largest gain of the same.
    pub max_gain: f64,
    /// The largest share of rejected rows, whatever is published.
    pub max_rejected: f64,
    /// The largest increase of the share of rejected rows, in points: with 0.05, 1 % may become 6 %.
    pub max_more_rejected: f64,
    /// The largest share of rated movies without metadata, whatever is published.
    pub max_unnamed: f64,
    /// The largest loss of quality on held-out ratings.
    pub max_quality_loss: f64,
    /// The smallest gain over lists of the most rated movies, whatever is published: 0 means at least as good.
    pub min_lift: f64,
    /// The largest loss of movies among the first ten of at least one list.
    pub max_coverage_loss: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Bounds {
    /// The limits of a loss, a gain or a share; infinity is no bound.
    pub const SHARE: Limits<f64> = Limits::of(0.0, f64::INFINITY);
    /// The limits of [`min_lift`](Self::min_lift); minus infinity is no bound.
    pub const LIFT: Limits<f64> = Limits::of(f64::NEG_INFINITY, f64::INFINITY);

    /// The defaults.
    pub const DEFAULT: Self = Self {
        max_loss: 0.05,
        max_gain: 0.5,
        max_rejected: 0.5,
        max_more_rejected: 0.05,
        max_unnamed: 0.25,
        max_quality_loss: 0.1,
        min_lift: 0.0,
        max_coverage_loss: 0.5,
    };

    /// Checks that each bound is a share.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) with the option of the first that is not.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [
            ("--max-loss", self.max_loss),
            ("--max-gain", self.max_gain),
            ("--max-rejected", self.max_rejected),
            ("--max-more-rejected", self.max_more_rejected),
            ("--max-unnamed", self.max_unnamed),
            ("--max-quality-loss", self.max_quality_loss),
            ("--max-coverage-loss", self.max_coverage_loss),
        ] {
            Self::SHARE.check(name, value)?;
        }
        Ok(Self::LIFT.check("--min-lift", self.min_lift)?)
    }
}
