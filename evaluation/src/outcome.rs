//! The outcome of an evaluation: the metrics of each split, and their means over the splits.

use std::collections::BTreeMap;

use serde::Serialize;
use store::manifest::{ActivitySlice, MeasuredUsers, Rows};

use super::cutoffs::Cutoffs;
use super::metric::Metrics;
use super::relevance::Relevance;
use super::slices;

/// The metrics of the model beside those of the lists of the most rated movies, which have no RMSE and MAE.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compared {
    /// The metrics of the model.
    pub model: Metrics,
    /// The metrics of the lists of the most rated movies.
    pub popularity: Metrics,
}

/// The metrics of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// The seed of a random split; that of the training for any other.
    pub seed: u64,
    /// The metrics.
    #[serde(flatten)]
    pub figures: Compared,
    /// The number of users.
    pub users: MeasuredUsers,
    /// The NDCG of lists by the number of the user's training ratings.
    pub slices: Vec<ActivitySlice>,
    /// Training ratings.
    pub n_train: u64,
    /// Held-out ratings. RMSE and MAE are means over them.
    pub n_test: u64,
    /// Held-out ratings of a split by time that were drawn among ratings of the same time.
    pub n_drawn: u64,
}

/// An evaluation. `pipeline evaluate --json` prints it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The mean of each metric over the splits.
    #[serde(flatten)]
    pub mean: Compared,
    /// The sample standard deviation of each metric over the splits (the divisor is n - 1); `None` for a single split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Compared>,
    /// The number of users, summed over the splits.
    pub users: MeasuredUsers,
    /// The NDCG of lists by the number of the user's training ratings. The users are summed over the splits, the other
    /// figures are means.
    pub slices: Vec<ActivitySlice>,
    /// The data and the settings.
    #[serde(flatten)]
    pub setup: Setup,
    /// The splits.
    pub splits: Vec<Split>,
}

/// The data and the settings of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setup {
    /// The rule by which ratings were held out: `random`, `newest` or `files`.
    pub split: &'static str,
    /// The share of held-out ratings; `None` for two files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// The share of users on whose ratings the items were trained; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_users: Option<f64>,
    /// The lengths at which lists were measured.
    pub k: Cutoffs,
    /// The relevant held-out ratings.
    pub relevant_at: Relevance,
    /// Users with a training or held-out rating.
    pub n_users: u64,
    /// The candidates: movies with a training or held-out rating.
    pub n_items: u64,
    /// The account of the rows of each file, by path.
    pub rows: BTreeMap<String, Rows>,
}

impl Evaluation {
    /// Summarizes splits, of which there is at least one.
    pub(super) fn of(splits: Vec<Split>, setup: Setup) -> Self {
        let mean = over(&splits, mean);
        let spread = (splits.len() > 1).then(|| over(&splits, standard_deviation));
        let count = |figure: fn(&MeasuredUsers) -> u64| splits.iter().map(|split| figure(&split.users)).sum();
        let users = MeasuredUsers {
            evaluated: count(|users| users.evaluated),
            without_relevant: count(|users| users.without_relevant),
            not_measurable: count(|users| users.not_measurable),
        };
        let slices = slices::mean(splits.iter().map(|split| split.slices.as_slice()));
        Self { mean, spread, users, slices, setup, splits }
    }
}

/// Reduces the values of each metric over all splits to one.
fn over(splits: &[Split], figure: fn(&[f64]) -> f64) -> Compared {
    let of = |side: fn(&Compared) -> &Metrics| {
        let names = splits.first().into_iter().flat_map(|split| side(&split.figures).keys());
        let column = |name| splits.iter().filter_map(move |split| side(&split.figures).get(name).copied());
        names.map(|name| (name.clone(), figure(&column(name).collect::<Vec<_>>()))).collect()
    };
    Compared { model: of(|figures| &figures.model), popularity: of(|figures| &figures.popularity) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample: the divisor is n - 1.
fn standard_deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(seed: u64, recall: f64) -> Split {
        let figures = Compared {
            model: Metrics::from([("recall@10".to_owned(), recall)]),
            popularity: Metrics::from([("recall@10".to_owned(), 0.25)]),
        };
        let users = MeasuredUsers { evaluated: 5, without_relevant: 1, not_measurable: 2 };
        Split { seed, figures, users, slices: Vec::new(), n_train: 80, n_test: 20, n_drawn: 0 }
    }

    fn setup() -> Setup {
        Setup {
            split: "random",
            test_fraction: Some(0.2),
            train_users: None,
            k: Cutoffs::default(),
            relevant_at: Relevance::AtLeast(4.0),
            n_users: 6,
            n_items: 7,
            rows: BTreeMap::new(),
        }
    }

    #[test]
    fn several_splits_have_a_mean_and_the_spread_of_a_sample() {
        let evaluation = Evaluation::of(vec![split(1, 0.3), split(2, 0.5), split(3, 0.7)], setup());
        assert!((evaluation.mean.model["recall@10"] - 0.5).abs() < 1e-12);
        let spread = evaluation.spread.unwrap();
        assert!((spread.model["recall@10"] - 0.2).abs() < 1e-12);
        assert_eq!(spread.popularity["recall@10"], 0.0);
        let users = MeasuredUsers { evaluated: 15, without_relevant: 3, not_measurable: 6 };
        assert_eq!(evaluation.users, users);
    }

    #[test]
    fn as_json_one_split_is_its_own_mean_and_has_no_spread() {
        let json = serde_json::to_value(Evaluation::of(vec![split(4, 0.5)], setup())).unwrap();
        assert_eq!(json["model"], serde_json::json!({ "recall@10": 0.5 }));
        assert_eq!(json["popularity"]["recall@10"], 0.25);
        assert!(json.get("spread").is_none());
        assert_eq!(json["splits"][0]["seed"], 4);
        assert_eq!(json["splits"][0]["model"], json["model"]);
        assert_eq!((&json["split"], &json["relevant_at"]), (&"random".into(), &4.0.into()));
        assert_eq!(
            json["users"],
            serde_json::json!({ "evaluated": 5, "without_relevant": 1, "not_measurable": 2 })
        );
    }
}
