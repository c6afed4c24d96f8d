//! The exposure of movies: how evenly the lists of all users use the catalogue.

use super::cutoffs::Cutoffs;
use super::metric::{Metric, Metrics};

/// The number of lists that contain each item.
#[derive(Debug)]
pub(super) struct Exposure<'a> {
    cutoffs: &'a Cutoffs,
    /// For each cutoff and item, the number of lists that have the item after the cutoff before and up to this one.
    counts: Vec<Vec<u64>>,
}

impl<'a> Exposure<'a> {
    /// Starts with no lists. Memory: `n_items` counts for each cutoff.
    pub(super) fn new(n_items: usize, cutoffs: &'a Cutoffs) -> Self {
        Self { cutoffs, counts: vec![vec![0; n_items]; cutoffs.iter().count()] }
    }

    /// Counts the entries of a list, best first.
    pub(super) fn add(&mut self, list: &[u32]) {
        let mut start = 0;
        for (k, counts) in self.cutoffs.iter().zip(&mut self.counts) {
            let end = k.min(list.len());
            list[start..end].iter().for_each(|&item| counts[item as usize] += 1);
            start = end;
        }
    }

    /// The [`Concentration`] at each cutoff. At least one list must have had an entry. Cost: a sort of the items for
    /// each cutoff.
    pub(super) fn finish(self) -> Metrics {
        let mut metrics = Metrics::new();
        let mut counts = vec![0; self.counts.first().map_or(0, Vec::len)];
        for (k, added) in self.cutoffs.iter().zip(self.counts) {
            counts.iter_mut().zip(added).for_each(|(count, added)| *count += added);
            let mut ascending = counts.clone();
            ascending.sort_unstable();
            let Concentration { coverage, gini, top_1_percent_share } = Concentration::of(&ascending);
            metrics.insert(Metric::Coverage(k).key(), coverage);
            metrics.insert(Metric::Gini(k).key(), gini);
            metrics.insert(Metric::Top1PercentShare(k).key(), top_1_percent_share);
        }
        metrics
    }
}

/// The distribution of the places of lists over the items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concentration {
    /// The share of items with at least one place.
    pub coverage: f64,
    /// The Gini coefficient: 0 if all items have as many places, towards 1 if few items have all.
    pub gini: f64,
    /// The share of places that the most recommended hundredth of the items takes.
    pub top_1_percent_share: f64,
}

impl Concentration {
    /// Computes the measures from the numbers of places x of all n items, ascending, whose sum is positive:
    ///
    /// ```text
    /// coverage            = the share of items with x > 0
    /// gini                = sum of (2 i - n - 1) x(i) / (n * sum of x), i from 1
    /// top_1_percent_share = the share of places that the most recommended n / 100 items (rounded up) take
    /// ```
    pub fn of(ascending: &[u64]) -> Self {
        let n = ascending.len() as f64;
        let places = ascending.iter().sum::<u64>() as f64;
        let n_covered = ascending.iter().filter(|&&count| count > 0).count();
        let ranked = ascending.iter().zip(1u32..);
        let gini: f64 = ranked.map(|(&x, i)| (2.0 * f64::from(i) - n - 1.0) * x as f64).sum();
        let n_top = ascending.len().div_ceil(100);
        let top: u64 = ascending.iter().rev().take(n_top).sum();
        Self {
            coverage: n_covered as f64 / n,
            gini: gini / (n * places),
            top_1_percent_share: top as f64 / places,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concentration_equals_values_computed_by_hand() {
        let cutoffs = Cutoffs::new(&[1, 3]).unwrap();
        let mut exposure = Exposure::new(4, &cutoffs);
        for list in [&[0, 1, 2][..], &[0, 1], &[2, 0, 1]] {
            exposure.add(list);
        }
        let metrics = exposure.finish();
        // At 1: counts 2 0 1 0. At 3: 3 3 2 0.
        assert_eq!((metrics["coverage@1"], metrics["coverage@3"]), (0.5, 0.75));
        assert!((metrics["gini@1"] - 7.0 / 12.0).abs() < 1e-12);
        assert!((metrics["gini@3"] - (-2.0 + 3.0 + 9.0) / 32.0).abs() < 1e-12);
        assert!((metrics["top_1_percent_share@1"] - 2.0 / 3.0).abs() < 1e-12);
        assert!((metrics["top_1_percent_share@3"] - 3.0 / 8.0).abs() < 1e-12);
    }

    #[test]
    fn equal_exposure_is_a_gini_of_zero() {
        let cutoffs = Cutoffs::new(&[1]).unwrap();
        let mut exposure = Exposure::new(5, &cutoffs);
        (0..5).for_each(|item| exposure.add(&[item]));
        assert_eq!(exposure.finish()["gini@1"], 0.0);
    }
}
