//! Every list that was written, read back.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use interactions::Scale;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use store::manifest::Check;
use store::records::{History, TopN};
use store::{DenyList, MovieId, Tables, UserId};

use super::{check, skipped, yes_or_no};
use crate::verify::{Denial, Fault, Remnant, check_list};

/// The first entries of a list, which is what most clients show.
const SHOWN: usize = 10;
/// Users read by one task.
const USERS_A_TASK: usize = 512;

/// What was seen of all lists.
#[derive(Debug, Default)]
pub struct Lists {
    seen: Part,
    /// What is stored of what was denied, where something was.
    denial: Option<Denial>,
}

/// How much there is of lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListStatistics {
    /// Users with a list.
    pub users: u64,
    /// Entries of all lists.
    pub entries: u64,
    /// Movies among the first ten of anybody's list.
    pub recommended: u64,
}

/// What lists are held against.
#[derive(Debug)]
pub struct Judge<'a> {
    /// All candidates, ids ascending.
    pub candidates: &'a [MovieId],
    /// The length of a list, where there are that many candidates.
    pub depth: usize,
    /// The stars that there are.
    pub scale: Scale,
    /// What must not be in them.
    pub deny: Option<&'a DenyList>,
}

/// What was seen of some lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    n_users: u64,
    entries: u64,
    /// By movie: the users who have it among their first ten.
    shown: BTreeMap<MovieId, u64>,
    n_wrong: u64,
    /// The first user with a wrong list, and what is wrong with it.
    first_wrong: Option<(UserId, String)>,
    /// The first entry that is denied.
    remnant: Option<String>,
}

impl Lists {
    /// Reads back every list with the history that goes with it, and checks them; and that nothing is stored of what is
    /// denied. Cost: some microseconds for each.
    ///
    /// # Errors
    /// Those of the store.
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
        let judge = Judge { candidates: &candidates, depth, scale, deny };
        let parts: Vec<Part> = users
            .par_chunks(USERS_A_TASK)
            .map(|users| {
                let mut part = Part::default();
                for &user in users {
                    part.take(user, tables.top_n(user)?.as_ref(), tables.history(user)?.as_ref(), &judge);
                }
                bar.inc(users.len() as u64);
                Ok(part)
            })
            .collect::<store::Result<_>>()?;
        Self::merge(parts, tables, deny)
    }

    /// Puts together what was seen of the lists of all users, in their order, and looks for what is denied in everything
    /// that is no user's.
    ///
    /// # Errors
    /// Those of the store.
    pub fn merge(
        parts: impl IntoIterator<Item = Part>,
        tables: &Tables,
        deny: Option<&DenyList>,
    ) -> store::Result<Self> {
        let mut seen = Part::default();
        parts.into_iter().for_each(|part| seen.add(part));
        let beside = deny.map(|deny| Remnant::beside_lists(deny, tables)).transpose()?.flatten();
        let found = beside.map(|remnant| remnant.to_string()).or_else(|| seen.remnant.clone());
        Ok(Self { seen, denial: deny.map(|deny| Denial::new(deny, found)) })
    }

    /// How much there is.
    #[must_use]
    pub fn statistics(&self) -> ListStatistics {
        let Part { n_users, entries, ref shown, .. } = self.seen;
        ListStatistics { users: n_users, entries, recommended: shown.len() as u64 }
    }

    /// By movie: the users who have it among their first ten. Movies that nobody has are not there.
    #[must_use]
    pub fn shown(&self) -> &BTreeMap<MovieId, u64> {
        &self.seen.shown
    }

    /// That all are right.
    pub(super) fn check(&self) -> Check {
        let Part { n_users, entries, n_wrong, ref first_wrong, .. } = self.seen;
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

    /// That nothing is stored of what is denied.
    pub(super) fn denied(&self) -> Check {
        match &self.denial {
            None => skipped("denied", "no deny list".to_owned()),
            Some(denial) => yes_or_no("denied", denial.found.is_none(), denial.to_string()),
        }
    }
}

impl Part {
    /// Looks at what there is of a user's list and history.
    pub fn take(&mut self, user: UserId, list: Option<&TopN>, history: Option<&History>, judge: &Judge<'_>) {
        let &Judge { candidates, depth, scale, deny } = judge;
        self.n_users += 1;
        if deny.is_some_and(|deny| deny.deletes(user)) {
            return; // that it is there at all is found by its key, and nothing else may be said of it
        }
        let remnant = deny.and_then(|deny| Remnant::of_lists(deny, user, list, history));
        self.remnant = self.remnant.take().or_else(|| remnant.map(|remnant| remnant.to_string()));
        let (Some(list), Some(history)) = (list, history) else {
            return self.count_wrong(user, Fault::Missing { missing: "history" }.to_string());
        };
        let fault = check_list(list, history, candidates, depth).err().map(|fault| fault.to_string());
        if let Some(fault) = fault.or_else(|| outlandish(list, scale)) {
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

    /// Adds what was seen of later users.
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

/// What is wrong with the figures of a list: scores that are no numbers, stars that nobody can give.
fn outlandish(list: &TopN, scale: Scale) -> Option<String> {
    let fits = |score: f32, stars: f32| score.is_finite() && (scale.min..=scale.max).contains(&stars);
    let at = list.scores.iter().zip(&list.stars).position(|(&score, &stars)| !fits(score, stars))?;
    let (movie, score, stars) = (list.movies[at], list.scores[at], list.stars[at]);
    Some(format!("movie {movie} has the score {score} and {stars} stars"))
}
