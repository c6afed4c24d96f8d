//! Every list that was written, read back.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use rayon::prelude::*;
use store::manifest::Check;
use store::records::TopN;
use store::{DenyList, MovieId, Tables, UserId};

use super::{check, skipped, yes_or_no};
use crate::ingest::Scale;
use crate::verify::{Denial, Fault, Remnant, check_list};

/// The first entries of a list, which is what most clients show.
const SHOWN: usize = 10;
/// Users read by one task.
const USERS_A_TASK: usize = 512;

/// What was seen of all lists.
#[derive(Debug, Default)]
pub struct Lists {
    statistics: ListStatistics,
    /// By movie: the users who have it among their first ten.
    shown: BTreeMap<MovieId, u64>,
    n_wrong: u64,
    /// The first user with a wrong list, and what is wrong with it.
    first_wrong: Option<(UserId, String)>,
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
struct Judge<'a> {
    tables: &'a Tables,
    /// All candidates, ids ascending.
    candidates: Vec<MovieId>,
    depth: usize,
    scale: Scale,
    deny: Option<&'a DenyList>,
}

/// What one task has seen.
#[derive(Default)]
struct Part {
    entries: u64,
    shown: BTreeMap<MovieId, u64>,
    wrong: Vec<(UserId, String)>,
    /// The first entry that is denied.
    remnant: Option<Remnant>,
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
        let candidates = tables.candidate_ids().collect::<store::Result<_>>()?;
        let judge = Judge { tables, candidates, depth, scale, deny };
        let parts: Vec<Part> = users
            .par_chunks(USERS_A_TASK)
            .map(|users| {
                let mut part = Part::default();
                for &user in users {
                    part.take(user, &judge)?;
                }
                bar.inc(users.len() as u64);
                Ok(part)
            })
            .collect::<store::Result<_>>()?;

        let mut lists = Self::default();
        let mut remnant = deny.map(|deny| Remnant::beside_lists(deny, tables)).transpose()?.flatten();
        for part in parts {
            lists.statistics.entries += part.entries;
            for (movie, n_users) in part.shown {
                *lists.shown.entry(movie).or_default() += n_users;
            }
            lists.n_wrong += part.wrong.len() as u64;
            lists.first_wrong = lists.first_wrong.or_else(|| part.wrong.into_iter().next());
            remnant = remnant.or(part.remnant);
        }
        lists.denial = deny.map(|deny| Denial::new(deny, remnant));
        lists.statistics.users = users.len() as u64;
        lists.statistics.recommended = lists.shown.len() as u64;
        Ok(lists)
    }

    /// How much there is.
    #[must_use]
    pub fn statistics(&self) -> ListStatistics {
        self.statistics
    }

    /// By movie: the users who have it among their first ten. Movies that nobody has are not there.
    #[must_use]
    pub fn shown(&self) -> &BTreeMap<MovieId, u64> {
        &self.shown
    }

    /// That all are right.
    pub(super) fn check(&self) -> Check {
        let ListStatistics { users, entries, .. } = self.statistics;
        let detail = match &self.first_wrong {
            None => format!("all {users} lists with {entries} entries in order, unseen, known and complete"),
            Some((user, fault)) => {
                format!("{} of {users} lists are wrong; that of user {user}: {fault}", self.n_wrong)
            }
        };
        check("lists", self.n_wrong == 0, self.n_wrong as f64, None, detail)
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
    fn take(&mut self, user: UserId, judge: &Judge<'_>) -> store::Result<()> {
        let &Judge { tables, ref candidates, depth, scale, deny } = judge;
        if deny.is_some_and(|deny| deny.deletes(user)) {
            return Ok(()); // that it is there at all is found by its key, and nothing else may be said of it
        }
        let (list, history) = (tables.top_n(user)?, tables.history(user)?);
        let remnant = deny.and_then(|deny| Remnant::of_lists(deny, user, list.as_ref(), history.as_ref()));
        self.remnant = self.remnant.take().or(remnant);
        let (Some(list), Some(history)) = (list, history) else {
            self.wrong.push((user, Fault::Missing { missing: "history" }.to_string()));
            return Ok(());
        };
        let fault = check_list(&list, &history, candidates, depth).err().map(|fault| fault.to_string());
        if let Some(fault) = fault.or_else(|| outlandish(&list, scale)) {
            self.wrong.push((user, fault));
        }
        self.entries += list.movies.len() as u64;
        for &movie in list.movies.iter().take(SHOWN) {
            *self.shown.entry(movie).or_default() += 1;
        }
        Ok(())
    }
}

/// What is wrong with the figures of a list: scores that are no numbers, stars that nobody can give.
fn outlandish(list: &TopN, scale: Scale) -> Option<String> {
    let fits = |score: f32, stars: f32| score.is_finite() && (scale.min..=scale.max).contains(&stars);
    let at = list.scores.iter().zip(&list.stars).position(|(&score, &stars)| !fits(score, stars))?;
    let (movie, score, stars) = (list.movies[at], list.scores[at], list.stars[at]);
    Some(format!("movie {movie} has the score {score} and {stars} stars"))
}
