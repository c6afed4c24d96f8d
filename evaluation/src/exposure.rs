//! How evenly lists of all users make use of the catalogue.

use super::protocol::Cutoffs;
use super::report::Metrics;

/// How often each item stands in a list.
#[derive(Debug)]
pub(super) struct Exposure<'a> {
    cutoffs: &'a Cutoffs,
    /// For each cutoff, by item: the lists that have the item above this cutoff and below the one before.
    counts: Vec<Vec<u64>>,
}

impl<'a> Exposure<'a> {
    /// Begins to count. Memory: n_items counts a cutoff.
    pub(super) fn new(n_items: usize, cutoffs: &'a Cutoffs) -> Self {
        Self { cutoffs, counts: vec![vec![0; n_items]; cutoffs.iter().count()] }
    }

    /// Counts a list, best first.
    pub(super) fn add(&mut self, list: &[u32]) {
        let mut start = 0;
        for (k, counts) in self.cutoffs.iter().zip(&mut self.counts) {
            let end = k.min(list.len());
            list[start..end].iter().for_each(|&item| counts[item as usize] += 1);
            start = end;
        }
    }

    /// The figures of [`Concentration`] for each cutoff.
    ///
    /// At least one list must have had an entry. Cost: a sort of the items a cutoff.
    pub(super) fn finish(self) -> Metrics {
        let mut metrics = Metrics::new();
        let mut counts = vec![0; self.counts.first().map_or(0, Vec::len)];
        for (k, added) in self.cutoffs.iter().zip(self.counts) {
            counts.iter_mut().zip(added).for_each(|(count, added)| *count += added);
            let mut ascending = counts.clone();
            ascending.sort_unstable();
            let Concentration { coverage, gini, top_1_percent_share } = Concentration::of(&ascending);
            metrics.insert(format!("coverage@{k}"), coverage);
            metrics.insert(format!("gini@{k}"), gini);
            metrics.insert(format!("top_1_percent_share@{k}"), top_1_percent_share);
        }
        metrics
    }
}

/// How evenly items share the places of lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concentration {
    /// The share of items that have a place.
    pub coverage: f64,
    /// 0 where all items have as many, towards 1 where few have all.
    pub gini: f64,
    /// The share of places that the hundredth of items with most of them has.
    pub top_1_percent_share: f64,
}

impl Concentration {
    /// Over the places x of all n items, ascending, of which there is at least one:
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
    fn figures_are_those_computed_by_hand() {
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
