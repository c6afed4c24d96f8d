//! The outcome of an evaluation: figures by name, one split after the other and taken together.

use std::collections::BTreeMap;

use serde::Serialize;
use store::manifest::Rows;

use super::protocol::{Cutoffs, Relevance};

/// Figures by name: `rmse`, `mae`, `ndcg@10` and so on.
pub type Metrics = BTreeMap<String, f64>;

/// The model's figures beside those of the most rated movies, which have no `rmse` and `mae`: they predict
/// no stars.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compared {
    /// The model's.
    pub model: Metrics,
    /// Those of the list of the most rated movies.
    pub popularity: Metrics,
}

/// The users of a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Users {
    /// Users with at least one relevant movie, over whom recall, NDCG, MAP and hit rate are means.
    pub evaluated: u64,
    /// Users without one, who cannot be asked.
    pub without_relevant: u64,
}

/// The figures of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// The seed of the draw. Where none is drawn, that of the training.
    pub seed: u64,
    /// The figures.
    #[serde(flatten)]
    pub figures: Compared,
    /// The users that they are means over.
    pub users: Users,
    /// Ratings to train on.
    pub n_train: u64,
    /// Ratings held out, over which RMSE and MAE are means.
    pub n_test: u64,
}

/// An evaluation, whole. As JSON it is what `pipeline evaluate --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The means over the splits.
    #[serde(flatten)]
    pub mean: Compared,
    /// The sample standard deviations over the splits (the divisor is one less than their number); of a
    /// single split there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Compared>,
    /// The users of all splits, each counted once a split.
    pub users: Users,
    /// What was measured, and how.
    #[serde(flatten)]
    pub setup: Setup,
    /// The splits one by one.
    pub splits: Vec<Split>,
}

/// What was measured, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setup {
    /// How ratings were held out: `random`, `newest` or `files`.
    pub split: &'static str,
    /// The share held out; none where files say what is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// The share of users that the items were trained on, where it was not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_users: Option<f64>,
    /// The lengths at which lists were measured.
    pub k: Cutoffs,
    /// Which held-out ratings are relevant.
    pub relevant_at: Relevance,
    /// Users, with ratings of either part.
    pub n_users: u64,
    /// The candidates: movies with ratings of either part.
    pub n_items: u64,
    /// What cleaning made of the rows of each file, by path.
    pub rows: BTreeMap<String, Rows>,
}

impl Evaluation {
    /// Takes splits together, of which there is at least one.
    pub(super) fn of(splits: Vec<Split>, setup: Setup) -> Self {
        let mean = over(&splits, mean);
        let spread = (splits.len() > 1).then(|| over(&splits, standard_deviation));
        let count = |figure: fn(&Users) -> u64| splits.iter().map(|split| figure(&split.users)).sum();
        let users = Users {
            evaluated: count(|users| users.evaluated),
            without_relevant: count(|users| users.without_relevant),
        };
        Self { mean, spread, users, setup, splits }
    }
}

/// One figure out of those of all splits, name by name.
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

/// Of a sample: over n - 1.
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
        let users = Users { evaluated: 5, without_relevant: 1 };
        Split { seed, figures, users, n_train: 80, n_test: 20 }
    }

    fn setup() -> Setup {
        Setup {
            split: "random",
            test_fraction: Some(0.2),
            train_users: None,
            k: Cutoffs::default(),
            relevant_at: Relevance::default(),
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
        assert_eq!(evaluation.users, Users { evaluated: 15, without_relevant: 3 });
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
        assert_eq!(json["users"], serde_json::json!({ "evaluated": 5, "without_relevant": 1 }));
    }
}
