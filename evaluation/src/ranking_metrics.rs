//! The ranking metrics: the relevant held-out movies that lists contain.
//!
//! The lists of the model and those of the most rated movies are measured by the same code. The lists of
//! [`USERS_IN_FLIGHT`] users exist at a time.

use std::ops::Range;

use interactions::Csr;
use rayon::prelude::*;

use super::cutoffs::Cutoffs;
use super::exposure::Exposure;
use super::metric::{Metric, Metrics};
use super::noise::standard_error;
use super::relevance::Relevance;
use crate::error::{Error, Result};

/// The users whose lists are in memory at a time.
const USERS_IN_FLIGHT: usize = 8192;

/// Measures lists against the relevant held-out movies.
#[derive(Debug)]
pub(super) struct RankingEvaluator<'a> {
    /// The relevant items of each user, ascending.
    relevant: Csr,
    n_items: usize,
    cutoffs: &'a Cutoffs,
    discounts: Discounts,
}

impl<'a> RankingEvaluator<'a> {
    /// Selects the relevant ratings of `test` (`n_users x n_items`).
    ///
    /// # Errors
    /// [`Error::Setting`] if there is none: the metrics would be means over no users.
    pub(super) fn new(
        test: &Csr,
        n_items: usize,
        relevance: Relevance,
        cutoffs: &'a Cutoffs,
    ) -> Result<Self> {
        let stars: Vec<f32> = test.cells().map(|cell| cell.2).collect();
        let relevant = test.filter(|position| relevance.accepts(stars[position]));
        if relevant.n_cells() == 0 {
            let problem =
                format!("none of the {} held-out ratings is relevant; state a lower threshold", stars.len());
            return Err(Error::setting("--relevant-at", relevance, problem));
        }
        Ok(Self { relevant, n_items, cutoffs, discounts: Discounts::new(cutoffs.depth()) })
    }

    /// The users with a relevant movie, ascending.
    pub(super) fn users(&self) -> Vec<usize> {
        (0..self.relevant.n_rows()).filter(|&user| !self.relevant.columns(user).is_empty()).collect()
    }

    /// Measures lists: recall, NDCG, MAP and hit rate as means over the users with a relevant movie, and the metrics of
    /// [`Exposure`] over the lists of all users. `lists` returns the lists of a range of users, best first and
    /// as long as the largest cutoff if there are as many candidates.
    ///
    /// Cost beyond the lists: O(k log(relevant)) for each user, on all threads; the sums are taken in the order of the
    /// users.
    pub(super) fn measure(&self, lists: impl Fn(Range<usize>) -> Vec<Vec<u32>>) -> ListQuality {
        let n_users = self.relevant.n_rows();
        let mut sums = vec![ListMetrics::default(); self.cutoffs.iter().count()];
        let mut exposure = Exposure::new(self.n_items, self.cutoffs);
        let mut ndcg = Vec::new();
        for first in (0..n_users).step_by(USERS_IN_FLIGHT) {
            let users = first..n_users.min(first + USERS_IN_FLIGHT);
            let lists = lists(users.clone());
            let of_users: Vec<Vec<ListMetrics>> =
                users.into_par_iter().zip(&lists).map(|(user, list)| self.measure_list(user, list)).collect();
            for of_user in of_users {
                ndcg.extend(of_user.iter().map(|metrics| metrics.ndcg));
                sums.iter_mut().zip(of_user).for_each(|(sum, of_user)| sum.add(of_user));
            }
            lists.iter().for_each(|list| exposure.add(list));
        }
        let mut metrics = exposure.finish();
        let n_evaluated = self.users().len() as f64;
        for (k, sum) in self.cutoffs.iter().zip(sums) {
            metrics.insert(Metric::Recall(k).key(), sum.recall / n_evaluated);
            metrics.insert(Metric::Ndcg(k).key(), sum.ndcg / n_evaluated);
            metrics.insert(Metric::Map(k).key(), sum.precision / n_evaluated);
            metrics.insert(Metric::HitRate(k).key(), sum.hit / n_evaluated);
        }
        ListQuality { metrics, ndcg }
    }

    /// The metrics of a list at each cutoff; empty for a user without a relevant movie.
    fn measure_list(&self, user: usize, list: &[u32]) -> Vec<ListMetrics> {
        let relevant = self.relevant.columns(user);
        if relevant.is_empty() {
            return Vec::new();
        }
        let (mut start, mut n_hits, mut gain, mut precisions) = (0, 0.0, 0.0, 0.0);
        let at = |k: usize| {
            let end = k.min(list.len());
            for rank in (start..end).filter(|&rank| relevant.binary_search(&list[rank]).is_ok()) {
                n_hits += 1.0;
                gain += self.discounts.at[rank];
                precisions += n_hits / (rank + 1) as f64;
            }
            start = end;
            let most = k.min(relevant.len());
            ListMetrics {
                recall: n_hits / most as f64,
                ndcg: gain / self.discounts.ideal[most - 1],
                precision: precisions / most as f64,
                hit: f64::min(n_hits, 1.0),
            }
        };
        self.cutoffs.iter().map(at).collect()
    }
}

/// The quality of the lists of all users.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ListQuality {
    /// The metrics over all users.
    pub metrics: Metrics,
    /// The NDCG of each measured user at each cutoff (n_measured x n_cutoffs, row-major).
    pub ndcg: Vec<f64>,
}

impl ListQuality {
    /// The standard error of each NDCG, and of its difference from that of `other` for the same users, by key.
    pub(super) fn errors(&self, other: &Self, cutoffs: &Cutoffs) -> Metrics {
        let n_cutoffs = cutoffs.iter().count();
        let errors = cutoffs.iter().enumerate().flat_map(|(column, k)| {
            let values = self.ndcg.iter().skip(column).step_by(n_cutoffs).copied();
            let of_other = other.ndcg.iter().skip(column).step_by(n_cutoffs);
            let differences = values.clone().zip(of_other).map(|(a, b)| a - b);
            let metric = Metric::Ndcg(k);
            [
                (metric.error_key(), standard_error(values)),
                (metric.lift_error_key(), standard_error(differences)),
            ]
        });
        errors.filter_map(|(key, error)| Some((key, error?))).collect()
    }
}

/// The metrics of one list at one cutoff k, or their sums over users. With r relevant items, hits(j) of them among the
/// first j entries, and the sums over the ranks j <= k of relevant items:
///
/// ```text
/// recall    = hits(k) / min(k, r)
/// ndcg      = sum of 1 / log2(j + 1)  /  sum over j <= min(k, r) of 1 / log2(j + 1)
/// precision = sum of hits(j) / j  /  min(k, r)          (the average precision, whose mean is MAP)
/// hit       = 1 if hits(k) > 0, else 0
/// ```
#[derive(Debug, Clone, Copy, Default)]
struct ListMetrics {
    recall: f64,
    ndcg: f64,
    precision: f64,
    hit: f64,
}

impl ListMetrics {
    fn add(&mut self, other: Self) {
        self.recall += other.recall;
        self.ndcg += other.ndcg;
        self.precision += other.precision;
        self.hit += other.hit;
    }
}

/// The discounts of NDCG by rank, counted from 0.
#[derive(Debug)]
struct Discounts {
    /// `1 / log2(rank + 2)`.
    at: Vec<f64>,
    /// The sum of the discounts up to a rank: the gain of a list of relevant items only.
    ideal: Vec<f64>,
}

impl Discounts {
    fn new(depth: usize) -> Self {
        let at: Vec<f64> = (0..depth).map(|rank| 1.0 / ((rank + 2) as f64).log2()).collect();
        let sums = at.iter().scan(0.0, |sum, discount| {
            *sum += discount;
            Some(*sum)
        });
        let ideal = sums.collect();
        Self { at, ideal }
    }
}

#[cfg(test)]
mod tests;
