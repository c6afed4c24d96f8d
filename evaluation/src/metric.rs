//! The metrics of an evaluation: the key of each in JSON and manifests, its title for people, and its direction.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The value of each metric by its key: `rmse`, `mae`, `ndcg@10` and so on.
pub type Metrics = BTreeMap<String, f64>;

/// The prefix of the key of a metric of the lists of the most rated movies, in a manifest.
const POPULARITY: &str = "popularity_";

/// A metric. Metrics of lists have a cutoff `k`: the first `k` entries of each list count. The order is that of a
/// table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Normalized discounted cumulative gain: relevant movies near the top of the list count more.
    Ndcg(usize),
    /// The share of a user's relevant movies that the list contains.
    Recall(usize),
    /// Mean average precision.
    Map(usize),
    /// The share of users whose list contains a relevant movie.
    HitRate(usize),
    /// The share of movies that at least one list contains.
    Coverage(usize),
    /// The Gini coefficient of the places of movies in lists: 0 if all have as many, towards 1 if few have all.
    Gini(usize),
    /// The share of places that the most recommended hundredth of the movies takes.
    Top1PercentShare(usize),
    /// The root mean square error of predicted ratings, in stars.
    Rmse,
    /// The mean absolute error of predicted ratings, in stars.
    Mae,
}

impl Metric {
    /// The metrics of the model that were measured, in order.
    #[must_use]
    pub fn all_in(metrics: &Metrics) -> Vec<Self> {
        let mut all: Vec<Self> = metrics.keys().filter_map(|key| key.parse().ok()).collect();
        all.sort_unstable();
        all
    }

    /// The metrics of lists at a cutoff, in order.
    #[must_use]
    pub fn of_lists(k: usize) -> [Self; 7] {
        [
            Self::Ndcg(k),
            Self::Recall(k),
            Self::Map(k),
            Self::HitRate(k),
            Self::Coverage(k),
            Self::Gini(k),
            Self::Top1PercentShare(k),
        ]
    }

    /// The key of the metric in JSON and manifests: `ndcg@10`.
    #[must_use]
    pub fn key(self) -> String {
        self.name_at(self.names().0)
    }

    /// The key of the metric of the lists of the most rated movies in a manifest: `popularity_ndcg@10`.
    #[must_use]
    pub fn popularity_key(self) -> String {
        format!("{POPULARITY}{}", self.key())
    }

    /// The key of the standard error of the metric over users in a manifest: `ndcg@10_error`.
    #[must_use]
    pub fn error_key(self) -> String {
        format!("{}_error", self.key())
    }

    /// The key of the standard error of its difference from popularity, over the same users: `ndcg@10_lift_error`.
    #[must_use]
    pub fn lift_error_key(self) -> String {
        format!("{}_lift_error", self.key())
    }

    /// The title of the metric for people: `NDCG@10`.
    #[must_use]
    pub fn title(self) -> String {
        self.name_at(self.names().1)
    }

    /// The length at which lists are cut, for a metric of lists.
    #[must_use]
    pub fn cutoff(self) -> Option<usize> {
        match self {
            Self::Rmse | Self::Mae => None,
            Self::Recall(k)
            | Self::Ndcg(k)
            | Self::Map(k)
            | Self::HitRate(k)
            | Self::Coverage(k)
            | Self::Gini(k)
            | Self::Top1PercentShare(k) => Some(k),
        }
    }

    /// Whether a larger value is better. It is not for errors and for measures of concentration.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        !matches!(self, Self::Rmse | Self::Mae | Self::Gini(_) | Self::Top1PercentShare(_))
    }

    /// The value of the model, if it was measured.
    #[must_use]
    pub fn of(self, metrics: &Metrics) -> Option<f64> {
        metrics.get(&self.key()).copied()
    }

    /// The value of the lists of the most rated movies in the metrics of a manifest, if it was measured.
    #[must_use]
    pub fn of_popularity(self, metrics: &Metrics) -> Option<f64> {
        metrics.get(&self.popularity_key()).copied()
    }

    /// The lift over popularity in the metrics of a manifest: the value of the model divided by that of the lists of
    /// the most rated movies. `None` if one was not measured, or the divisor is not positive.
    #[must_use]
    pub fn lift_over_popularity(self, metrics: &Metrics) -> Option<f64> {
        let popularity = self.of_popularity(metrics).filter(|&value| value > 0.0)?;
        Some(self.of(metrics)? / popularity)
    }

    /// The names without a cutoff: for programs, and for people.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Rmse => ("rmse", "RMSE"),
            Self::Mae => ("mae", "MAE"),
            Self::Recall(_) => ("recall", "Recall"),
            Self::Ndcg(_) => ("ndcg", "NDCG"),
            Self::Map(_) => ("map", "MAP"),
            Self::HitRate(_) => ("hit_rate", "Hit rate"),
            Self::Coverage(_) => ("coverage", "Coverage"),
            Self::Gini(_) => ("gini", "Gini"),
            Self::Top1PercentShare(_) => ("top_1_percent_share", "Top 1 % share"),
        }
    }

    fn name_at(self, name: &str) -> String {
        match self.cutoff() {
            Some(k) => format!("{name}@{k}"),
            None => name.to_owned(),
        }
    }
}

impl fmt::Display for Metric {
    /// Writes the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Parses a key of a metric of the model.
    fn from_str(key: &str) -> Result<Self, UnknownMetric> {
        let cutoff = key.split_once('@').and_then(|(_, k)| k.parse().ok()).unwrap_or(0);
        let mut all = Self::of_lists(cutoff).into_iter().chain([Self::Rmse, Self::Mae]);
        all.find(|metric| metric.key() == key).ok_or(UnknownMetric)
    }
}

/// A key that is not that of a metric of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a metric")]
pub struct UnknownMetric;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_manifests_and_titles_are_for_people() {
        let names = |metric: Metric| (metric.key(), metric.title());
        let owned = |key: &str, title: &str| (key.to_owned(), title.to_owned());
        assert_eq!(names(Metric::Rmse), owned("rmse", "RMSE"));
        assert_eq!(names(Metric::Mae), owned("mae", "MAE"));
        assert_eq!(
            Metric::of_lists(10).map(names),
            [
                owned("ndcg@10", "NDCG@10"),
                owned("recall@10", "Recall@10"),
                owned("map@10", "MAP@10"),
                owned("hit_rate@10", "Hit rate@10"),
                owned("coverage@10", "Coverage@10"),
                owned("gini@10", "Gini@10"),
                owned("top_1_percent_share@10", "Top 1 % share@10"),
            ]
        );
        assert_eq!(Metric::Ndcg(100).popularity_key(), "popularity_ndcg@100");
    }

    #[test]
    fn a_key_is_parsed_to_its_metric() {
        for metric in Metric::of_lists(7).into_iter().chain([Metric::Rmse, Metric::Mae]) {
            assert_eq!(metric.key().parse(), Ok(metric));
        }
        for key in ["", "ndcg", "ndcg@", "ndcg@x", "ndcg@07", "rmse@3", "popularity_ndcg@10", "ndcg@10_error"]
        {
            assert_eq!(key.parse::<Metric>(), Err(UnknownMetric), "{key}");
        }
    }

    #[test]
    fn the_metrics_of_a_manifest_come_in_order_without_those_of_popularity() {
        let keys = ["coverage@10", "mae", "ndcg@10", "ndcg@100", "popularity_ndcg@10", "recall@20", "rmse"];
        let metrics = keys.map(|key| (key.to_owned(), 0.5)).into();
        let all: Vec<String> = Metric::all_in(&metrics).into_iter().map(Metric::key).collect();
        assert_eq!(all, ["ndcg@10", "ndcg@100", "recall@20", "coverage@10", "rmse", "mae"]);
    }

    #[test]
    fn errors_and_concentration_are_better_when_smaller() {
        let smaller = [Metric::Rmse, Metric::Mae, Metric::Gini(5), Metric::Top1PercentShare(5)];
        assert!(smaller.iter().all(|metric| !metric.more_is_better()));
        assert_eq!(Metric::of_lists(5).iter().filter(|metric| metric.more_is_better()).count(), 5);
    }

    #[test]
    fn the_lift_is_a_quotient_and_missing_without_a_positive_divisor() {
        let metrics = |model, popularity| {
            Metrics::from([(Metric::Ndcg(10).key(), model), (Metric::Ndcg(10).popularity_key(), popularity)])
        };
        assert_eq!(Metric::Ndcg(10).lift_over_popularity(&metrics(0.5, 0.25)), Some(2.0));
        assert_eq!(Metric::Ndcg(10).lift_over_popularity(&metrics(0.5, 0.0)), None);
        assert_eq!(Metric::Ndcg(20).lift_over_popularity(&metrics(0.5, 0.25)), None);
    }
}
