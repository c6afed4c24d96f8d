//! The bounds of the gate.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use pipeline::gate::Bounds;

/// What stands above them in the help.
const HEADING: &str = "Gate: what tonight may differ from what is published (0.05 is 5 %, inf no bound)";

#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// How many ratings, users, movies and described movies may be lost
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_LOSS")]
    max_loss: f64,
    /// How many may be gained
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_gain)]
    #[arg(env = "RECOMMENDER__GATE__MAX_GAIN")]
    max_gain: f64,
    /// The largest share of rejected rows
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_rejected)]
    #[arg(env = "RECOMMENDER__GATE__MAX_REJECTED")]
    max_rejected: f64,
    /// How much more of the rows may be rejected, in points
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_more_rejected)]
    #[arg(env = "RECOMMENDER__GATE__MAX_MORE_REJECTED")]
    max_more_rejected: f64,
    /// How many of the rated movies may be without metadata
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_unnamed)]
    #[arg(env = "RECOMMENDER__GATE__MAX_UNNAMED")]
    max_unnamed: f64,
    /// How much worse NDCG@K (K: 100, --depth or the number of movies, the least) and RMSE on held-out ratings may be
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_quality_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_QUALITY_LOSS")]
    max_quality_loss: f64,
    /// How much better than the most rated movies the lists must be, in NDCG@K; -inf asks for nothing
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.min_lift)]
    #[arg(env = "RECOMMENDER__GATE__MIN_LIFT")]
    min_lift: f64,
    /// How many fewer movies may stand among the first ten of anybody's list
    #[arg(long, help_heading = HEADING, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(default_value_t = Bounds::DEFAULT.max_coverage_loss)]
    #[arg(env = "RECOMMENDER__GATE__MAX_COVERAGE_LOSS")]
    max_coverage_loss: f64,
    /// Publish even what the gate refuses; the reason is recorded in the manifest
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
