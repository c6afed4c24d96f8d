//! The settings of a run.

use std::num::NonZeroUsize;
use std::ops::Bound::{Excluded, Included};

use evaluation::RelevanceRule;
use limits::{Limits, Refused};
use models::TrainSettings;
use reading::{InputSettings, RatingsSource};
use serde::Serialize;
use serde_json::Value;
use store::DenyList;
use store::shards::MOST_SHARDS;

use crate::error::{Error, Result};
use crate::gate::Bounds;
use crate::generations::Place;
use crate::shards::EngineChoice;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The ratings and the movies.
    pub input: InputSettings,
    /// The users and movies to leave out, if any.
    pub deny_list: Option<DenyList>,
    /// The settings of the training.
    pub training: TrainSettings,
    /// The share of ratings that is held out to measure a model of the others; 0 skips the measurement.
    pub test_fraction: f64,
    /// The rule by which a held-out rating is relevant.
    pub relevance: RelevanceRule,
    /// The length of a list.
    pub depth: usize,
    /// The number of similar movies to store for each movie.
    pub similar: usize,
    /// The repository of the generations, and the work directory.
    pub place: Place,
    /// The bounds of the gate.
    pub bounds: Bounds,
    /// Whether movies that new users alone have rated are left out.
    pub hold_back: bool,
    /// The reason for publishing even if the gate refuses.
    pub force: Option<String>,
    /// Whether to run even if nothing has changed.
    pub always: bool,
    /// Whether to write the HTML report.
    pub report: bool,
    /// The shards and the engine that computes them.
    pub shards: ShardSettings,
}

/// The settings of a run with shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardSettings {
    /// The number of shards. By default it is that of the ratings. If these are not cut either, all users are records of one
    /// store.
    pub n_shards: Option<u32>,
    /// The engine that computes the shards.
    pub engine: EngineChoice,
    /// The number of shards that a cluster computes at once.
    pub in_flight: NonZeroUsize,
}

impl ShardSettings {
    /// The limits of [`n_shards`](Self::n_shards).
    pub const N_SHARDS: Limits<u32> = Limits::of(1, MOST_SHARDS);

    /// Checks that there are as many shards as should be trained on.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_trained(n_trained: Option<u32>, n_shards: Option<u32>) -> Result<(), Refused> {
        match (n_trained, n_shards) {
            (Some(n), Some(n_shards)) if n > n_shards => {
                let refused = Refused::new("--train-shards", n, "there are fewer shards");
                Err(refused.against("--shards", n_shards))
            }
            _ => Ok(()),
        }
    }
}

impl RunSettings {
    /// The limits of [`depth`](Self::depth).
    pub const DEPTH: Limits<usize> = Limits::at_least(1);
    /// The limits of [`test_fraction`](Self::test_fraction).
    pub const TEST_FRACTION: Limits<f64> = Limits::between(Included(0.0), Excluded(1.0));

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] and [`Error::Training`], with the name of the option.
    pub fn check(&self) -> Result<()> {
        Self::DEPTH.check("--depth", self.depth)?;
        Self::TEST_FRACTION.check("--test-fraction", self.test_fraction)?;
        let ShardSettings { n_shards, ref engine, .. } = self.shards;
        ShardSettings::N_SHARDS.check("--shards", n_shards.unwrap_or(1))?;
        if n_shards.is_none()
            && *engine != EngineChoice::Local
            && matches!(self.input.ratings, RatingsSource::File(_))
        {
            return Err(Error::setting(
                "--engine",
                engine,
                "it computes shards; state their number with --shards",
            ));
        }
        ShardSettings::check_trained(self.input.ratings.n_trained(), n_shards)?;
        self.bounds.check()?;
        self.relevance.check(self.training.scale)?;
        Ok(self.training.check()?)
    }

    /// Returns the settings with as many shards as the ratings have, if these are cut into `n_cut`.
    ///
    /// # Errors
    /// [`Error::Setting`] where another number of shards is configured, or more to train on.
    pub(super) fn cut_as_ratings(&self, n_cut: Option<u32>) -> Result<Self> {
        let mut settings = self.clone();
        if let Some(n_cut) = n_cut {
            if let Some(n) = self.input.ratings.n_trained().filter(|&n| n > n_cut) {
                return Err(Error::setting("--train-shards", n, format!("there are {n_cut} shards")));
            }
            let n_shards = settings.shards.n_shards.get_or_insert(n_cut);
            if *n_shards != n_cut {
                let problem = format!("the ratings are cut into {n_cut}; leave it out");
                return Err(Error::setting("--shards", n_shards, problem));
            }
        }
        Ok(settings)
    }

    /// Returns the settings that decide the result, for the manifest. The deny list is a digest, since the manifest must not
    /// name deleted users.
    pub(super) fn parameters(&self) -> serde_json::Map<String, Value> {
        #[derive(Serialize)]
        struct Parameters<'a> {
            #[serde(flatten)]
            training: &'a TrainSettings,
            test_fraction: f64,
            relevant_at: RelevanceRule,
            depth: usize,
            similar: usize,
            deny_list: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            shards: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            trained_shards: Option<u32>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            hold_back: bool,
        }
        let deny_list = self.deny_list.as_ref().map(DenyList::digest);
        let &Self { ref training, test_fraction, relevance: relevant_at, depth, similar, hold_back, .. } =
            self;
        let shards = self.shards.n_shards;
        let trained_shards = self.input.ratings.n_trained();
        let parameters = Parameters {
            training,
            test_fraction,
            relevant_at,
            depth,
            similar,
            deny_list,
            shards,
            trained_shards,
            hold_back,
        };
        match serde_json::to_value(parameters) {
            Ok(Value::Object(parameters)) => parameters,
            // A struct of numbers and strings is always an object.
            _ => serde_json::Map::new(),
        }
    }
}
