//! The option that says which held-out ratings are relevant.

use clap::Args;
use evaluation::RelevanceRule;

#[derive(Debug, Args)]
pub(crate) struct RelevanceArgs {
    /// The lowest held-out rating that is relevant, so that a list should contain its movie; `any` for all. `auto` is the
    /// upper quarter of the scale, 4 of 0.5 to 5, or the median where few ratings are that high
    #[arg(long, value_name = "STARS", default_value_t, allow_negative_numbers = true)]
    #[arg(env = "RECOMMENDER__EVALUATION__RELEVANT_AT")]
    pub(super) relevant_at: RelevanceRule,
}
