//! The options of the commands on existing generations.

use clap::Args;
use jiff::SignedDuration;
use limits::Limits;
use pipeline::generations::{DiffSettings, Retention};
use settings::within;
use store::GenerationId;

use super::place::PlaceArgs;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier generation
    #[arg(value_name = "BEFORE")]
    before: GenerationId,
    /// The later generation [default: the published one]
    #[arg(value_name = "AFTER")]
    after: Option<GenerationId>,
    /// The number of entries of each list to compare
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = within(DiffSettings::N))]
    n: usize,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The generation to publish [default: the one that was published before the current one, passed its gate and was not
    /// withdrawn]
    #[arg(value_name = "GENERATION")]
    pub(crate) generation: Option<GenerationId>,
    /// The reason, which `pipeline generations` shows
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// The generation
    #[arg(value_name = "GENERATION")]
    pub(crate) generation: GenerationId,
    /// The reason, which `pipeline generations` shows
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnpinArgs {
    /// The generation
    #[arg(value_name = "GENERATION")]
    pub(crate) generation: GenerationId,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    retention: RetentionArgs,
    /// Only list what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// The number of ready generations to keep, the last published first, besides the published and the pinned ones
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = within(Limits::<usize>::ANY))]
    #[arg(env = "RECOMMENDER__RETENTION__KEEP")]
    keep: usize,
    /// Keep all generations that are younger than this, such as 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = age)]
    #[arg(env = "RECOMMENDER__RETENTION__OLDER_THAN")]
    older_than: SignedDuration,
}

impl DiffArgs {
    pub(crate) fn settings(self) -> DiffSettings {
        DiffSettings { place: self.place.place(), before: self.before, after: self.after, n: self.n }
    }
}

impl PruneArgs {
    pub(crate) fn retention(&self) -> Retention {
        Retention { keep: self.retention.keep, older_than: self.retention.older_than }
    }
}

/// Parses an age such as `12h`, `7d` or `1d 12h`. A day has 24 hours.
fn age(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "give an age like 12h, 7d or 0s".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    span.to_duration(days).ok().filter(|age| !age.is_negative()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_units_and_days_of_24_hours() {
        assert_eq!(age("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(age("7d"), Ok(SignedDuration::from_hours(168)));
        assert_eq!(age("1d 12h"), Ok(SignedDuration::from_hours(36)));
        assert_eq!(age("0s"), Ok(SignedDuration::ZERO));
        for text in ["", "7", "-1d", "a week", "1mo"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
