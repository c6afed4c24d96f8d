//! The input of a run as the gate sees it: figures of the input alone, and the comparison with the samples of earlier
//! runs.
//!
//! The figures are taken before training, from the ratings in memory. Of the earlier runs only their samples are read.

mod comparison;
mod newcomers;
mod shape;

use reading::Input;
use serde_json::{Map, Value};
use store::manifest::Account;
use store::{DenyList, GenerationId};

use super::{Baseline, Past};
pub(super) use comparison::Comparison;
pub use newcomers::NewUserMovie;
pub(super) use shape::Shape;

/// The input of a run as the gate sees it.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The figures of the input alone.
    pub(super) shape: Shape,
    /// The comparison with the published generation: `None` without one, and an error for the reason why its sample cannot
    /// be compared.
    pub(super) since_last: Option<Result<Comparison, String>>,
    /// The comparison with the oldest generation of the last two weeks, if that is not the published one.
    pub(super) since_anchor: Option<Anchor>,
    /// Movies that new users alone have rated.
    new_user_movies: Vec<NewUserMovie>,
    /// Whether those movies were held back.
    pub(super) is_held_back: bool,
}

/// The comparison with an older generation than the published one.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    pub(super) generation: GenerationId,
    pub(super) account: Account,
    pub(super) comparison: Comparison,
}

impl Site {
    /// Looks at an input, and compares it with the baseline and the anchor. `parameters` are those of this run. `deny` has
    /// the users and movies that were left out on purpose. Cost: a pass over the ratings, and one over the samples.
    #[must_use]
    pub fn of(
        input: &Input,
        baseline: &Baseline,
        anchor: Option<&Past>,
        parameters: &Map<String, Value>,
        deny: Option<&DenyList>,
    ) -> Self {
        let compared = |then: &Past| {
            let sample = comparable(then, parameters)?;
            Ok(Comparison::of(sample, input, deny))
        };
        let since_anchor = anchor.and_then(|anchor| {
            let Past { manifest, .. } = anchor;
            let (generation, account) = (manifest.generation.clone(), manifest.account.clone());
            Some(Anchor { generation, account, comparison: compared(anchor).ok()? })
        });
        let last = baseline.past();
        let sample = last.and_then(|last| comparable(last, parameters).ok());
        Self {
            shape: Shape::of(input),
            since_last: last.map(compared),
            since_anchor,
            new_user_movies: sample.map(|sample| newcomers::find(input, sample)).unwrap_or_default(),
            is_held_back: false,
        }
    }

    /// The movies that new users alone have rated, ids ascending.
    #[must_use]
    pub fn new_user_movies(&self) -> &[NewUserMovie] {
        &self.new_user_movies
    }

    /// The same input after these movies were held back.
    #[must_use]
    pub fn holding_back(self, movies: Vec<NewUserMovie>) -> Self {
        Self { new_user_movies: movies, is_held_back: true, ..self }
    }
}

/// The sample of an earlier run, if both runs read the same shards of the ratings.
fn comparable<'a>(
    then: &'a Past,
    parameters: &Map<String, Value>,
) -> Result<&'a store::sample::Sample, String> {
    let trained = "trained_shards";
    let of_then = &then.manifest.account.parameters;
    let is_equal = |name: &str| of_then.get(name) == parameters.get(name);
    // The number of shards does not matter if all are read.
    let are_whole = !of_then.contains_key(trained) && !parameters.contains_key(trained);
    let are_same = are_whole || (is_equal(trained) && is_equal("shards"));
    if !are_same {
        return Err("the published generation was trained on other users".to_owned());
    }
    then.sample.as_ref().ok_or_else(|| {
        "the published generation has no sample of its input; the release that made it wrote none".to_owned()
    })
}
