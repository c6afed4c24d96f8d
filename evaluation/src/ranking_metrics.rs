//! How much of what users went on to like their lists have found.
//!
//! Every list is measured by the same code, whoever made it. Lists exist for some thousand users at a time.

use std::ops::Range;

use interactions::Csr;
use rayon::prelude::*;

use super::exposure::Exposure;
use super::protocol::{Cutoffs, Relevance};
use super::report::{Metrics, Users};
use crate::error::{Error, Result};

/// Users whose lists are held at once.
const USERS_IN_FLIGHT: usize = 8192;

/// What lists are measured by.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    /// By user, the relevant items, ascending.
    relevant: Csr,
    n_items: usize,
    cutoffs: &'a Cutoffs,
    discounts: Discounts,
}

impl<'a> Judge<'a> {
    /// Takes from `test` (n_users x n_items) what is relevant.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing is: a mean over no users is no number.
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
                format!("none of the {} held-out ratings is relevant; take a lower one", stars.len());
            return Err(Error::setting("--relevant-at", relevance, problem));
        }
        Ok(Self { relevant, n_items, cutoffs, discounts: Discounts::new(cutoffs.depth()) })
    }

    /// Who is measured and who cannot be.
    pub(super) fn users(&self) -> Users {
        let evaluated = self.asked().count();
        let without_relevant = self.relevant.n_rows() - evaluated;
        Users { evaluated: evaluated as u64, without_relevant: without_relevant as u64 }
    }

    /// The figures of lists: `recall@k`, `ndcg@k`, `map@k` and `hit_rate@k` as means over the users who have
    /// something relevant, and what [`Exposure`] says of the lists of all users. `lists` gives those of a
    /// range of users, best first and as long as the largest cutoff where there are that many candidates.
    ///
    /// Cost beyond the lists: k log(relevant) a user, on all threads; users are summed up in their order.
    pub(super) fn measure(&self, lists: impl Fn(Range<usize>) -> Vec<Vec<u32>>) -> Metrics {
        let n_users = self.relevant.n_rows();
        let mut sums = vec![OfList::default(); self.cutoffs.iter().count()];
        let mut exposure = Exposure::new(self.n_items, self.cutoffs);
        for first in (0..n_users).step_by(USERS_IN_FLIGHT) {
            let users = first..n_users.min(first + USERS_IN_FLIGHT);
            let lists = lists(users.clone());
            let of_users: Vec<Vec<OfList>> =
                users.into_par_iter().zip(&lists).map(|(user, list)| self.of_list(user, list)).collect();
            for of_user in of_users {
                sums.iter_mut().zip(of_user).for_each(|(sum, of_user)| sum.add(of_user));
            }
            lists.iter().for_each(|list| exposure.add(list));
        }
        let mut metrics = exposure.finish();
        let n_asked = self.asked().count() as f64;
        for (k, sum) in self.cutoffs.iter().zip(sums) {
            metrics.insert(format!("recall@{k}"), sum.recall / n_asked);
            metrics.insert(format!("ndcg@{k}"), sum.ndcg / n_asked);
            metrics.insert(format!("map@{k}"), sum.precision / n_asked);
            metrics.insert(format!("hit_rate@{k}"), sum.hit / n_asked);
        }
        metrics
    }

    /// The users who have something relevant.
    fn asked(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.relevant.n_rows()).filter(|&user| !self.relevant.columns(user).is_empty())
    }

    /// What a list has found, at each cutoff; nothing for a user with nothing to find.
    fn of_list(&self, user: usize, list: &[u32]) -> Vec<OfList> {
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
            OfList {
                recall: n_hits / most as f64,
                ndcg: gain / self.discounts.ideal[most - 1],
                precision: precisions / most as f64,
                hit: f64::min(n_hits, 1.0),
            }
        };
        self.cutoffs.iter().map(at).collect()
    }
}

/// The figures of one list at one k, or their sums over users. With r relevant items, hits(j) of them among
/// the first j of the list, and the sums over those ranks j <= k at which a relevant item stands:
///
/// ```text
/// recall    = hits(k) / min(k, r)
/// ndcg      = sum of 1 / log2(j + 1)  /  sum over j <= min(k, r) of 1 / log2(j + 1)
/// precision = sum of hits(j) / j  /  min(k, r)          (the average precision, whose mean is MAP)
/// hit       = 1 where hits(k) > 0, else 0
/// ```
#[derive(Debug, Clone, Copy, Default)]
struct OfList {
    recall: f64,
    ndcg: f64,
    precision: f64,
    hit: f64,
}

impl OfList {
    fn add(&mut self, other: Self) {
        self.recall += other.recall;
        self.ndcg += other.ndcg;
        self.precision += other.precision;
        self.hit += other.hit;
    }
}

/// What a hit is worth by its rank, counted from 0.
#[derive(Debug)]
struct Discounts {
    /// `1 / log2(rank + 2)`.
    at: Vec<f64>,
    /// The sum of these up to a rank: what a list is worth that has hits alone.
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
