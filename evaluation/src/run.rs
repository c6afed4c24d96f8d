//! The measurement of a run: one random split, and the metrics that the manifest records.

use interactions::Interactions;
use models::TrainSettings;
use progress::Progress;
use serde::{Deserialize, Serialize};
use store::manifest::Measurement;

use super::cutoffs::Cutoffs;
use super::measure::{Measure, Measured};
use super::metric::{Metric, Metrics};
use super::outcome::Compared;
use super::relevance::RelevanceRule;
use super::split::{self, Holdout};
use crate::error::Result;

/// Returns the length k at which the lists of a run are judged: min(100, `depth`, `n_candidates`).
#[must_use]
pub fn judged_length(depth: usize, n_candidates: usize) -> usize {
    depth.min(n_candidates).min(100)
}

/// The quality of a run, for its manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunQuality {
    /// The metrics over all measured users; empty if no rating could be held out.
    pub metrics: Metrics,
    /// The measurement of lists; `None` if no held-out rating is relevant.
    pub measurement: Option<Measurement>,
}

/// Measures a model on one random split and returns the metrics that a run records: RMSE, MAE, recall@20, NDCG@10,
/// coverage@10 and NDCG at the [`judged_length`], with the errors of NDCG. Those of lists are also measured for the lists of the most rated
/// movies ([`Metric::popularity_key`]). A metric is left out if its cutoff exceeds `depth` or the number of movies, and
/// so are all metrics of lists if no held-out rating is relevant. Nothing is measured if all users have one rating. Cost: a
/// training and the lists of all users.
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) if the fraction leaves no training or no test ratings;
/// [`Error::Training`](crate::Error::Training).
pub fn measure_run(
    interactions: &Interactions,
    test_fraction: f64,
    relevance: RelevanceRule,
    training: &TrainSettings,
    depth: usize,
    progress: Progress,
) -> Result<RunQuality> {
    let (by_user, n_items) = (&interactions.by_user, interactions.n_items());
    let holdout = Holdout::of(by_user, n_items, &split::random(by_user, test_fraction, training.seed)?);
    if holdout.test.n_cells() == 0 {
        tracing::warn!(
            "no rating can be held out, since the users have one rating each: nothing is measured"
        );
        return Ok(RunQuality::default());
    }
    let relevance = relevance.of(training.scale, by_user);
    let judged = judged_length(depth, n_items);
    let mut cutoffs = Cutoffs::new(&[10, 20, judged])?.up_to(judged);
    if !holdout.measurable().cells().any(|cell| relevance.accepts(cell.2)) {
        tracing::warn!(
            "no held-out rating has {relevance} stars or more: lists are not measured; see --relevant-at"
        );
        cutoffs = cutoffs.up_to(0);
    }
    let measure = Measure { training, sample: None, relevance, cutoffs: &cutoffs, progress };
    let Measured { figures: Compared { model, popularity }, users, slices } = measure.split(&holdout)?;
    let recorded = [
        Metric::Ndcg(10),
        Metric::Ndcg(judged),
        Metric::Recall(20),
        Metric::Coverage(10),
        Metric::Rmse,
        Metric::Mae,
    ];
    let metrics = recorded.into_iter().flat_map(|metric| {
        let of_model = metric.of(&model).map(|value| (metric.key(), value));
        let of_popularity = metric.of(&popularity).map(|value| (metric.popularity_key(), value));
        let errors = [metric.error_key(), metric.lift_error_key()]
            .map(|key| model.get(&key).map(|&error| (key, error)));
        [of_model, of_popularity].into_iter().chain(errors).flatten()
    });
    let measurement =
        (cutoffs.depth() > 0).then(|| Measurement { relevant_at: relevance.least(), users, slices });
    Ok(RunQuality { metrics: metrics.collect(), measurement })
}
