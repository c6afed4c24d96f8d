//! The audit of all lists that were written: reads each back and checks it.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use interactions::Scale;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use store::manifest::Check;
use store::records::{History, TopN};
use store::{DenyList, MovieId, Tables, UserId};

use super::{check, skipped, yes_or_no};
use crate::checks::{Denial, Fault, Remnant, check_list};

/// The first entries of a list, as many as most clients show.
const SHOWN: usize = 10;
/// Users read in one task.
const USERS_A_TASK: usize = 512;

/// The audit of all lists.
#[derive(Debug, Default)]
pub struct ListAudit {
    all: PartialAudit,
    /// The first entries of the list of the most rated movies.
    most_rated: Vec<MovieId>,
    /// Whether anything denied is stored; `None` without a deny list.
    denial: Option<Denial>,
}

/// Counts of all lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListStatistics {
    /// Users with a list.
    pub users: u64,
    /// Entries of all lists.
    pub entries: u64,
    /// Movies among the first ten of anybody's list.
    pub recommended: u64,
}

/// The rules that lists must obey.
#[derive(Debug)]
pub struct ListRules<'a> {
    /// All candidates, ids ascending.
    pub candidates: &'a [MovieId],
    /// The length of a list, where there are that many candidates.
    pub depth: usize,
    /// The scale of predicted stars.
    pub scale: Scale,
    /// The users and movies that must not be stored.
    pub deny: Option<&'a DenyList>,
}

/// The audit of some users' lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PartialAudit {
    n_users: u64,
    entries: u64,
    /// By movie, the number of users who have it among their first ten.
    shown: BTreeMap<MovieId, u64>,
    n_wrong: u64,
    /// The first user with a wrong list, and what is wrong with it.
    first_wrong: Option<(UserId, String)>,
    /// The first denied entry.
    remnant: Option<String>,
}

impl ListAudit {
    /// Reads back the list and the history of every user and checks them. Checks that nothing denied is stored. Cost: some
    /// microseconds a user.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub fn of(
        tables: &Tables,
        depth: usize,
        scale: Scale,
        deny: Option<&DenyList>,
        bar: &ProgressBar,
    ) -> store::Result<Self> {
        let users: Vec<UserId> = tables.users().collect::<store::Result<_>>()?;
        bar.set_length(users.len() as u64);
        let candidates: Vec<MovieId> = tables.candidate_ids().collect::<store::Result<_>>()?;
        let rules = ListRules { candidates: &candidates, depth, scale, deny };
        let parts: Vec<PartialAudit> = users
            .par_chunks(USERS_A_TASK)
            .map(|users| {
                let mut part = PartialAudit::default();
                for &user in users {
                    part.add_user(user, tables.top_n(user)?.as_ref(), tables.history(user)?.as_ref(), &rules);
                }
                bar.inc(users.len() as u64);
                Ok(part)
            })
            .collect::<store::Result<_>>()?;
        Self::merge(parts, tables, deny)
    }

    /// Merges the audits of all users' lists, in the order of the users, and looks for denied entries in all other records.
    ///
    /// # Errors
    /// [`store::Error::Damaged`] for a record that cannot be decoded; an error of the record engine.
    pub fn merge(
        parts: impl IntoIterator<Item = PartialAudit>,
        tables: &Tables,
        deny: Option<&DenyList>,
    ) -> store::Result<Self> {
        let mut all = PartialAudit::default();
        parts.into_iter().for_each(|part| all.add(part));
        let outside = deny.map(|deny| Remnant::outside_lists(deny, tables)).transpose()?.flatten();
        let found = outside.map(|remnant| remnant.to_string()).or_else(|| all.remnant.clone());
        let most_rated = tables.fallback().movies.iter().take(SHOWN).copied().collect();
        Ok(Self { all, most_rated, denial: deny.map(|deny| Denial::new(deny, found)) })
    }

    /// The counts of all lists.
    #[must_use]
    pub fn statistics(&self) -> ListStatistics {
        let PartialAudit { n_users, entries, ref shown, .. } = self.all;
        ListStatistics { users: n_users, entries, recommended: shown.len() as u64 }
    }

    /// By movie, the number of users who have it among their first ten. Movies in no list are left out.
    #[must_use]
    pub fn shown(&self) -> &BTreeMap<MovieId, u64> {
        &self.all.shown
    }

    /// Whether a movie is one of the ten most rated ones.
    pub(super) fn is_most_rated(&self, movie: MovieId) -> bool {
        self.most_rated.contains(&movie)
    }

    /// Checks that all lists are correct.
    pub(super) fn check(&self) -> Check {
        let PartialAudit { n_users, entries, n_wrong, ref first_wrong, .. } = self.all;
        let detail = match first_wrong {
            None => {
                format!("all {n_users} lists with {entries} entries in order, unseen, known and complete")
            }
            Some((user, fault)) => {
                format!("{n_wrong} of {n_users} lists are wrong; that of user {user}: {fault}")
            }
        };
        check("lists", n_wrong == 0, n_wrong as f64, None, detail)
    }

    /// Checks that nothing denied is stored.
    pub(super) fn denied(&self) -> Check {
        match &self.denial {
            None => skipped("denied", "no deny list".to_owned()),
            Some(denial) => yes_or_no("denied", denial.found.is_none(), denial.to_string()),
        }
    }
}

impl PartialAudit {
    /// Adds a user's list and history.
    pub fn add_user(
        &mut self,
        user: UserId,
        list: Option<&TopN>,
        history: Option<&History>,
        rules: &ListRules<'_>,
    ) {
        let &ListRules { candidates, depth, scale, deny } = rules;
        self.n_users += 1;
        if deny.is_some_and(|deny| deny.deletes(user)) {
            return; // a deleted user is found by the key, and must not be named
        }
        let remnant = deny.and_then(|deny| Remnant::of_lists(deny, user, list, history));
        self.remnant = self.remnant.take().or_else(|| remnant.map(|remnant| remnant.to_string()));
        let (Some(list), Some(history)) = (list, history) else {
            return self.count_wrong(user, Fault::Missing { missing: "history" }.to_string());
        };
        let fault = check_list(list, history, candidates, depth).err().map(|fault| fault.to_string());
        if let Some(fault) = fault.or_else(|| impossible_figures(list, scale)) {
            self.count_wrong(user, fault);
        }
        self.entries += list.movies.len() as u64;
        for &movie in list.movies.iter().take(SHOWN) {
            *self.shown.entry(movie).or_default() += 1;
        }
    }

    fn count_wrong(&mut self, user: UserId, fault: String) {
        self.n_wrong += 1;
        self.first_wrong.get_or_insert((user, fault));
    }

    /// Adds the audit of later users.
    fn add(&mut self, later: Self) {
        self.n_users += later.n_users;
        self.entries += later.entries;
        for (movie, n_users) in later.shown {
            *self.shown.entry(movie).or_default() += n_users;
        }
        self.n_wrong += later.n_wrong;
        self.first_wrong = self.first_wrong.take().or(later.first_wrong);
        self.remnant = self.remnant.take().or(later.remnant);
    }
}

/// Describes the first entry whose score is not finite or whose predicted stars are outside the scale.
fn impossible_figures(list: &TopN, scale: Scale) -> Option<String> {
    let fits = |score: f32, stars: f32| score.is_finite() && (scale.min..=scale.max).contains(&stars);
    let at = list.scores.iter().zip(&list.stars).position(|(&score, &stars)| !fits(score, stars))?;
    let (movie, score, stars) = (list.movies[at], list.scores[at], list.stars[at]);
    Some(format!("movie {movie} has the score {score} and {stars} stars"))
}
