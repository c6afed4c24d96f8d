//! The measurement of lists on held-out ratings: its rule, its users, and the quality by the activity of the users.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The measurement of lists on held-out ratings, beyond the metrics over all users.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The lowest relevant rating, in stars; `None` if every held-out rating is relevant.
    pub relevant_at: Option<f32>,
    /// The number of users.
    pub users: MeasuredUsers,
    /// The quality of lists by the number of the user's training ratings, ascending. Slices without a measured user are
    /// left out.
    pub slices: Vec<ActivitySlice>,
}

/// The number of users of a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredUsers {
    /// Users with a relevant movie. Recall, NDCG, MAP and hit rate are means over them.
    pub evaluated: u64,
    /// Users without a relevant movie.
    pub without_relevant: u64,
    /// Users that cannot be measured, because nothing would be left to make their list of: those with one rating, and
    /// those of two files without a training rating.
    pub not_measurable: u64,
}

/// The quality of the lists of users with some number of training ratings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivitySlice {
    /// The fewest training ratings of its users.
    pub min_ratings: u64,
    /// The most training ratings of its users; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ratings: Option<u64>,
    /// Measured users.
    pub users: u64,
    /// The metrics of their lists, by name: `ndcg@10`.
    pub metrics: BTreeMap<String, PairedMetric>,
}

/// A metric of the model and of the lists of the most rated movies, for the same users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PairedMetric {
    /// The mean of the model over the users.
    pub model: f64,
    /// The mean of the lists of the most rated movies.
    pub popularity: f64,
    /// The standard error of the difference of both, from the differences of the single users; `None` for one user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl Measurement {
    /// Returns all figures that must be finite, with their names.
    pub(super) fn figures(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        self.slices.iter().flat_map(|slice| {
            slice.metrics.iter().flat_map(move |(name, metric)| {
                let figures = [Some(metric.model), Some(metric.popularity), metric.standard_error];
                figures
                    .into_iter()
                    .flatten()
                    .map(move |figure| (format!("measurement.{slice}.{name}"), figure))
            })
        })
    }
}

impl fmt::Display for ActivitySlice {
    /// Writes the number of ratings: `1 rating`, `3 to 5 ratings`, `21 or more ratings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min_ratings, self.max_ratings) {
            (1, Some(1)) => f.write_str("1 rating"),
            (min, Some(max)) if min == max => write!(f, "{min} ratings"),
            (min, Some(max)) => write!(f, "{min} to {max} ratings"),
            (min, None) => write!(f, "{min} or more ratings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_named_by_its_number_of_ratings() {
        let name = |min_ratings, max_ratings| {
            ActivitySlice { min_ratings, max_ratings, ..ActivitySlice::default() }.to_string()
        };
        assert_eq!(name(1, Some(1)), "1 rating");
        assert_eq!(name(2, Some(2)), "2 ratings");
        assert_eq!(name(3, Some(5)), "3 to 5 ratings");
        assert_eq!(name(21, None), "21 or more ratings");
    }
}
