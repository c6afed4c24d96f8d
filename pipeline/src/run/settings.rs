//! The settings of a run.

use std::num::NonZeroUsize;

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

/// How users are cut into shards.
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

impl RunSettings {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] and [`Error::Training`], with the name of the option.
    pub fn check(&self) -> Result<()> {
        if self.depth == 0 {
            return Err(Error::setting("--depth", self.depth, "a list needs at least one entry"));
        }
        if !(0.0..1.0).contains(&self.test_fraction) {
            let problem = "it must be from 0 (no measurement) to below 1";
            return Err(Error::setting("--test-fraction", self.test_fraction, problem));
        }
        let ShardSettings { n_shards, ref engine, .. } = self.shards;
        if let Some(n) = n_shards.filter(|n| !(1..=MOST_SHARDS).contains(n)) {
            return Err(Error::setting("--shards", n, format!("it must be from 1 to {MOST_SHARDS}")));
        }
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
        if let (Some(n), Some(n_shards)) = (self.input.ratings.n_trained(), n_shards)
            && n > n_shards
        {
            return Err(Error::setting("--train-shards", n, format!("there are {n_shards} shards")));
        }
        self.bounds.check()?;
        Ok(self.training.check()?)
    }

    /// Returns the settings with as many shards as the ratings have, if these are cut into `n_cut`.
    ///
    /// # Errors
    /// [`Error::Setting`] where another number of shards is configured.
    pub(super) fn cut_as_ratings(&self, n_cut: Option<u32>) -> Result<Self> {
        let mut settings = self.clone();
        if let Some(n_cut) = n_cut {
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
        let &Self { ref training, test_fraction, depth, similar, hold_back, .. } = self;
        let shards = self.shards.n_shards;
        let trained_shards = self.input.ratings.n_trained();
        let parameters = Parameters {
            training,
            test_fraction,
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
