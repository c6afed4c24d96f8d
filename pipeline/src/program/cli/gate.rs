//! The options of the gate.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use pipeline::gate::Bounds;

/// The heading of the options in the help.
const HEADING: &str = "Gate: allowed differences from the published generation (0.05 is 5 %, inf no bound)";

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
            max_rejected: self.max_rejected,
            max_more_rejected: self.max_more_rejected,
            max_unnamed: self.max_unnamed,
            max_quality_loss: self.max_quality_loss,
            min_lift: self.min_lift,
            max_coverage_loss: self.max_coverage_loss,
        }
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
