//! The options of the ratings: where they are and the scale of their stars.

use std::path::PathBuf;

use clap::Args;
use interactions::Scale;
use limits::{Limits, Refused};
use pipeline::Error;
use reading::RatingsSource;
use settings::within;
use store::Location;

use crate::program::invocation::Invocation;

/// The number of shards in advice.
pub(crate) const N_SHARDS: u32 = 64;

#[derive(Debug, Args)]
pub(crate) struct RatingsArgs {
    /// The ratings: a CSV file with the columns userId, movieId, rating and timestamp. A run also reads the shards of
    /// `pipeline partition`, in a directory or at s3://bucket/prefix
    #[arg(long, value_name = "FILE", default_value = "data/sample/ratings.csv")]
    #[arg(env = "RECOMMENDER__INPUT__RATINGS")]
    pub(super) ratings: Location,
    /// The lowest rating; rows with a lower one are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().min, value_parser = within(Limits::<f32>::ANY))]
    #[arg(env = "RECOMMENDER__INPUT__MIN_RATING")]
    pub(super) min_rating: f32,
    /// The highest rating; rows with a higher one are rejected
    #[arg(long, value_name = "STARS", default_value_t = Scale::default().max, value_parser = within(Limits::<f32>::ANY))]
    #[arg(env = "RECOMMENDER__INPUT__MAX_RATING")]
    pub(super) max_rating: f32,
}

impl RatingsArgs {
    /// Returns the scale.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is empty.
    pub(super) fn scale(&self) -> Result<Scale, Error> {
        let scale = Scale { min: self.min_rating, max: self.max_rating };
        scale.check()?;
        Ok(scale)
    }

    /// Returns the ratings as one file.
    ///
    /// # Errors
    /// [`Error::Setting`] if they are shards.
    pub(super) fn file(self) -> Result<PathBuf, Error> {
        match RatingsSource::at(self.ratings, None) {
            RatingsSource::File(path) => Ok(path),
            RatingsSource::Shards { location, .. } => {
                let problem = "it is a directory or a bucket; give a CSV file";
                Err(Refused::new("--ratings", location, problem).into())
            }
        }
    }

    /// Returns the ratings, one file or shards, with the number of shards to train on.
    ///
    /// # Errors
    /// [`Error::Setting`] if that number is given for one file.
    pub(super) fn source(self, n_trained: Option<u32>) -> Result<RatingsSource, Error> {
        match (RatingsSource::at(self.ratings, n_trained), n_trained) {
            (RatingsSource::File(path), Some(n)) if path.is_file() => {
                let (file, shards) = (path.display(), path.with_extension("shards"));
                let command = Invocation::of_process().pipeline([
                    &"partition",
                    &"--ratings",
                    &file,
                    &"--shards",
                    &N_SHARDS,
                    &"--out",
                    &shards.display(),
                ]);
                let problem = format!("{file} is one file; cut it, for example with `{command}`");
                Err(Refused::new("--train-shards", n, problem).into())
            }
            (source, _) => Ok(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use clap::Parser;

    use super::super::Cli;

    #[test]
    fn shards_of_one_file_are_refused_with_the_command_that_cuts_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("my ratings.csv");
        std::fs::write(&file, "").unwrap();
        let words = ["pipeline", "--train-shards", "2", "--ratings"].map(OsStr::new);
        let cli = Cli::parse_from(words.into_iter().chain([file.as_os_str()]));
        let error = cli.run.settings().unwrap_err().to_string();
        let shards = file.with_extension("shards");
        let command =
            format!("partition --ratings '{}' --shards 64 --out '{}'`", file.display(), shards.display());
        assert!(error.contains("--train-shards") && error.ends_with(&command), "{error}");
    }
}
