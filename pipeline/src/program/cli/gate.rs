//! The options of the gate.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use pipeline::gate::Bounds;

/// The heading of the options in the help.
const HEADING: &str = "Gate: allowed differences from the published generation (0.05 is 5 %, inf no bound)";

/// The treatment of movies that new users alone have rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NewUserMovies {
    /// They may stand in lists, as far as the gate lets them
    Judge,
    /// Their ratings are left out until other users rate them
    HoldBack,
}

#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The largest loss of ratings, users, movies and described movies
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_LOSS")]
    max_loss: f64,
    /// The largest gain of these
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_gain)]
    #[arg(env = "RECOMMENDER__GATE__MAX_GAIN")]
    max_gain: f64,
    /// The largest loss of ratings, users and described movies since the oldest generation of the last two weeks
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_total_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_TOTAL_LOSS")]
    max_total_loss: f64,
    /// The largest share of their ratings that the users of both runs have lost
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_lost_history)]
    #[arg(env = "RECOMMENDER__GATE__MAX_LOST_HISTORY")]
    max_lost_history: f64,
    /// The largest share of the ratings of both runs that have other stars, or another time
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_changed_ratings)]
    #[arg(env = "RECOMMENDER__GATE__MAX_CHANGED_RATINGS")]
    max_changed_ratings: f64,
    /// The largest share of the movies of both runs that have another title, or other genres
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_changed_movies)]
    #[arg(env = "RECOMMENDER__GATE__MAX_CHANGED_MOVIES")]
    max_changed_movies: f64,
    /// The largest distance of the distribution of stars from the last one
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_star_shift)]
    #[arg(env = "RECOMMENDER__GATE__MAX_STAR_SHIFT")]
    max_star_shift: f64,
    /// The largest share of users whose ratings are exactly those of another user
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_doubled)]
    #[arg(env = "RECOMMENDER__GATE__MAX_DOUBLED")]
    max_doubled: f64,
    /// The largest increase of the share of users with one rating
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_more_single)]
    #[arg(env = "RECOMMENDER__GATE__MAX_MORE_SINGLE")]
    max_more_single: f64,
    /// The largest share of movies whose title is that of another one or says nothing
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_unusable_titles)]
    #[arg(env = "RECOMMENDER__GATE__MAX_UNUSABLE_TITLES")]
    max_unusable_titles: f64,
    /// The largest share of the movies that one user has rated, unless others have rated as many
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_history)]
    #[arg(env = "RECOMMENDER__GATE__MAX_HISTORY")]
    max_history: f64,
    /// The largest number of new ratings by one user, as a share of all ratings
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_one_user)]
    #[arg(env = "RECOMMENDER__GATE__MAX_ONE_USER")]
    max_one_user: f64,
    /// The largest number of new ratings of one movie, as a share of all users
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_one_movie)]
    #[arg(env = "RECOMMENDER__GATE__MAX_ONE_MOVIE")]
    max_one_movie: f64,
    /// The largest share of lists that have the same movie among the first ten
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_most_shown)]
    #[arg(env = "RECOMMENDER__GATE__MAX_MOST_SHOWN")]
    max_most_shown: f64,
    /// The largest share of lists with a movie among the first ten that new users alone have rated
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_new_user_movies)]
    #[arg(env = "RECOMMENDER__GATE__MAX_NEW_USER_MOVIES")]
    max_new_user_movies: f64,
    /// The movies that new users alone have rated: judge them, or hold them back from all lists
    #[arg(long, help_heading = HEADING, value_name = "ACT", value_enum, default_value_t = NewUserMovies::Judge)]
    #[arg(env = "RECOMMENDER__GATE__NEW_USER_MOVIES")]
    new_user_movies: NewUserMovies,
    /// The largest share of rejected rows
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_rejected)]
    #[arg(env = "RECOMMENDER__GATE__MAX_REJECTED")]
    max_rejected: f64,
    /// The largest increase of the share of rejected rows
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_more_rejected)]
    #[arg(env = "RECOMMENDER__GATE__MAX_MORE_REJECTED")]
    max_more_rejected: f64,
    /// The largest share of rated movies without metadata
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_unnamed)]
    #[arg(env = "RECOMMENDER__GATE__MAX_UNNAMED")]
    max_unnamed: f64,
    /// The largest loss of NDCG@K and RMSE on held-out ratings. K is 100, --depth or the number of movies, the least
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_quality_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_QUALITY_LOSS")]
    max_quality_loss: f64,
    /// The smallest gain in NDCG@K over the most popular movies; -inf means no bound
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = lift)]
    #[arg(default_value_t = Bounds::DEFAULT.min_lift)]
    #[arg(env = "RECOMMENDER__GATE__MIN_LIFT")]
    min_lift: f64,
    /// The largest loss of movies that are in the first ten of at least one list
    #[arg(long, help_heading = HEADING, value_name = "SHARE", value_parser = share)]
    #[arg(default_value_t = Bounds::DEFAULT.max_coverage_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_COVERAGE_LOSS")]
    max_coverage_loss: f64,
    /// Publish even if the gate refuses; the reason is stored in the manifest
    #[arg(long, help_heading = HEADING, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    pub(super) force: Option<String>,
}

impl GateArgs {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            max_loss: self.max_loss,
            max_gain: self.max_gain,
            max_total_loss: self.max_total_loss,
            max_lost_history: self.max_lost_history,
            max_changed_ratings: self.max_changed_ratings,
            max_changed_movies: self.max_changed_movies,
            max_star_shift: self.max_star_shift,
            max_doubled: self.max_doubled,
            max_more_single: self.max_more_single,
            max_unusable_titles: self.max_unusable_titles,
            max_history: self.max_history,
            max_one_user: self.max_one_user,
            max_one_movie: self.max_one_movie,
            max_most_shown: self.max_most_shown,
            max_new_user_movies: self.max_new_user_movies,
            max_rejected: self.max_rejected,
            max_more_rejected: self.max_more_rejected,
            max_unnamed: self.max_unnamed,
            max_quality_loss: self.max_quality_loss,
            min_lift: self.min_lift,
            max_coverage_loss: self.max_coverage_loss,
        }
    }

    pub(super) fn holds_back(&self) -> bool {
        self.new_user_movies == NewUserMovies::HoldBack
    }
}

/// Parses a bound on a loss, a gain or a share.
fn share(text: &str) -> Result<f64, String> {
    Bounds::SHARE.parse(text).map_err(|allowed| format!("{allowed}; 0.05 is 5 %, inf is no bound"))
}

/// Parses a bound on the gain over other lists.
fn lift(text: &str) -> Result<f64, String> {
    Bounds::LIFT
        .parse(text)
        .map_err(|allowed| format!("{allowed}; 0.1 asks for 10 % better, -inf for nothing"))
}
