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
    /// The largest loss of ratings, users and described movies since the oldest generation of the last two weeks.
    pub max_total_loss: f64,
    /// The largest share of their ratings that the users of both runs have lost.
    pub max_lost_history: f64,
    /// The largest share of the ratings of both runs that have other stars, or another time.
    pub max_changed_ratings: f64,
    /// The largest share of the movies of both runs that have another title, or other genres.
    pub max_changed_movies: f64,
    /// The largest distance of the distribution of stars from the last one.
    pub max_star_shift: f64,
    /// The largest share of users whose ratings are exactly those of another user, whatever is published.
    pub max_doubled: f64,
    /// The largest increase of the share of users with one rating, in points.
    pub max_more_single: f64,
    /// The largest share of movies whose title is that of another one or says nothing, whatever is published.
    pub max_unusable_titles: f64,
    /// The largest share of the movies that one user has rated, unless others have rated as many, whatever is published.
    pub max_history: f64,
    /// The largest number of new ratings by one user, as a share of all ratings.
    pub max_one_user: f64,
    /// The largest number of new ratings of one movie, as a share of all users.
    pub max_one_movie: f64,
    /// The largest share of lists that have the same movie among the first ten, whatever is published.
    pub max_most_shown: f64,
    /// The largest share of lists with a movie among the first ten that new users alone have rated.
    pub max_new_user_movies: f64,
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
        max_total_loss: 0.08,
        max_lost_history: 0.1,
        max_changed_ratings: 0.1,
        max_changed_movies: 0.1,
        max_star_shift: 0.1,
        max_doubled: 0.05,
        max_more_single: 0.1,
        max_unusable_titles: 0.2,
        max_history: 0.75,
        max_one_user: 0.05,
        max_one_movie: 0.1,
        max_most_shown: 0.9,
        max_new_user_movies: 0.005,
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
            ("--max-total-loss", self.max_total_loss),
            ("--max-lost-history", self.max_lost_history),
            ("--max-changed-ratings", self.max_changed_ratings),
            ("--max-changed-movies", self.max_changed_movies),
            ("--max-star-shift", self.max_star_shift),
            ("--max-doubled", self.max_doubled),
            ("--max-more-single", self.max_more_single),
            ("--max-unusable-titles", self.max_unusable_titles),
            ("--max-history", self.max_history),
            ("--max-one-user", self.max_one_user),
            ("--max-one-movie", self.max_one_movie),
            ("--max-most-shown", self.max_most_shown),
            ("--max-new-user-movies", self.max_new_user_movies),
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
