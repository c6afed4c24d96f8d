//! The comparison of two generations: the lists of their users, and their metrics.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use limits::Limits;
use rayon::prelude::*;
use serde::Serialize;
use store::records::TopN;
use store::{GenerationId, MovieId, Repository, Tables, UserId};

use super::{Place, published};
use crate::error::Result;

/// Cache for the pages of each generation, in bytes: each user is looked up once, in order.
const CACHE_BYTES: u64 = 64 << 20;
/// Users that one task compares.
const USERS_A_TASK: usize = 512;
/// Movies listed for each direction of change.
const MOVIES_NAMED: usize = 10;

/// The two generations to compare, and how.
#[derive(Debug, Clone)]
pub struct DiffSettings {
    /// The repository of both.
    pub place: Place,
    /// The earlier generation.
    pub before: GenerationId,
    /// The later generation; `None` for the published one.
    pub after: Option<GenerationId>,
    /// The entries of each list that are compared.
    pub n: usize,
}

impl DiffSettings {
    /// The limits of [`n`](Self::n).
    pub const N: Limits<usize> = Limits::at_least(1);
}

/// The differences between two generations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The earlier generation.
    pub before: GenerationId,
    /// The later generation.
    pub after: GenerationId,
    /// Whether all records are the same.
    pub same_content: bool,
    /// The entries of each list that were compared.
    pub n: usize,
    /// Users with a list in both.
    pub users_in_both: u64,
    /// Users with a list in the earlier one only.
    pub users_gone: u64,
    /// Users with a list in the later one only.
    pub users_new: u64,
    /// Users in both whose first n movies differ in set or order.
    pub users_changed: u64,
    /// The share of the first n movies that a user's two lists have in common, a mean over the users in both.
    pub mean_overlap: f64,
    /// Movies in more lists than before, the largest change first.
    pub movies_in: Vec<MovieChange>,
    /// Movies in fewer lists than before, the largest change first.
    pub movies_out: Vec<MovieChange>,
    /// The metrics that either generation has, by name.
    pub metrics: BTreeMap<String, Change>,
}

/// A movie that is in more or fewer lists than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovieChange {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    pub title: String,
    /// Users who had it in their first n.
    pub before: u64,
    /// Users who have it in their first n.
    pub after: u64,
}

/// A metric of both generations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The value of the earlier generation.
    pub before: Option<f64>,
    /// The value of the later generation.
    pub after: Option<f64>,
}

/// The sums over the users that one task has compared.
#[derive(Default)]
struct Tally {
    changed: u64,
    overlap: f64,
    /// The users who had and who have a movie in their first n.
    n_users: BTreeMap<MovieId, (u64, u64)>,
}

/// Compares the lists of two generations. Cost: reading both.
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) if `n` is 0; [`Error::NothingPublished`](crate::Error::NothingPublished);
/// [`Error::Store`](crate::Error::Store) if a generation cannot be read.
pub fn diff(settings: &DiffSettings) -> Result<Difference> {
    let DiffSettings { place, before, after, n } = settings;
    DiffSettings::N.check("--n", *n)?;
    let repository: Repository = place.open()?;
    let after = match after {
        Some(id) => id.clone(),
        None => published(&repository)?,
    };
    let open = |id| repository.open_generation(id, &place.work, CACHE_BYTES);
    let (old, new) = (open(before)?, open(&after)?);
    let (old_users, new_users) = (users(old.tables())?, users(new.tables())?);
    let in_both: Vec<UserId> = old_users.intersection(&new_users).copied().collect();

    let all = ListDifference::compare(old.tables(), new.tables(), &in_both, *n)?;
    let metrics = |of: &store::reader::OpenGeneration| of.manifest().account.metrics.clone();
    Ok(Difference {
        before: before.clone(),
        after,
        same_content: old.manifest().content_digest == new.manifest().content_digest,
        n: *n,
        users_in_both: in_both.len() as u64,
        users_gone: (old_users.len() - in_both.len()) as u64,
        users_new: (new_users.len() - in_both.len()) as u64,
        users_changed: all.changed,
        mean_overlap: all.mean_overlap,
        movies_in: all.movies_in,
        movies_out: all.movies_out,
        metrics: changes(&metrics(&old), &metrics(&new)),
    })
}

/// The differences between the lists of users.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ListDifference {
    /// Users whose first n movies differ in set or order.
    pub(crate) changed: u64,
    /// The share of the first n movies that a user's two lists have in common, a mean over the users.
    pub(crate) mean_overlap: f64,
    /// Movies in more lists than before, the largest change first.
    pub(crate) movies_in: Vec<MovieChange>,
    /// Movies in fewer lists than before, the largest change first.
    pub(crate) movies_out: Vec<MovieChange>,
}

impl ListDifference {
    /// Compares the first n movies of users who have a list in both. Cost: reading those lists.
    pub(crate) fn compare(old: &Tables, new: &Tables, users: &[UserId], n: usize) -> Result<Self> {
        let all = Tally::of(old, new, users, n)?;
        Ok(Self {
            changed: all.changed,
            mean_overlap: if users.is_empty() { 1.0 } else { all.overlap / users.len() as f64 },
            movies_in: most_changed(&all.n_users, new, |before, after| after.saturating_sub(before))?,
            movies_out: most_changed(&all.n_users, old, |before, after| before.saturating_sub(after))?,
        })
    }
}

fn users(tables: &Tables) -> store::Result<BTreeSet<UserId>> {
    tables.users().collect()
}

impl Tally {
    /// Compares the lists of all users.
    fn of(old: &Tables, new: &Tables, users: &[UserId], n: usize) -> Result<Self> {
        let parts: Vec<Tally> = users
            .par_chunks(USERS_A_TASK)
            .map(|users| {
                let mut part = Tally::default();
                for &user in users {
                    let list = |tables: &Tables| Ok(tables.top_n(user)?.unwrap_or_default());
                    part.add(&list(old)?, &list(new)?, n);
                }
                Ok(part)
            })
            .collect::<store::Result<_>>()?;
        let mut all = Tally::default();
        for part in parts {
            all.changed += part.changed;
            all.overlap += part.overlap;
            for (movie, (before, after)) in part.n_users {
                let sum = all.n_users.entry(movie).or_default();
                *sum = (sum.0 + before, sum.1 + after);
            }
        }
        Ok(all)
    }

    /// Adds the two lists of a user.
    fn add(&mut self, old: &TopN, new: &TopN, n: usize) {
        let first = |list: &TopN| list.movies.iter().copied().take(n).collect::<Vec<_>>();
        let (old, new) = (first(old), first(new));
        self.changed += u64::from(old != new);
        let before: HashSet<_> = old.iter().collect();
        let common = new.iter().filter(|movie| before.contains(movie)).count();
        // Two empty lists are equal.
        let longest = old.len().max(new.len());
        self.overlap += if longest == 0 { 1.0 } else { common as f64 / longest as f64 };
        old.iter().for_each(|&movie| self.n_users.entry(movie).or_default().0 += 1);
        new.iter().for_each(|&movie| self.n_users.entry(movie).or_default().1 += 1);
    }
}

/// Returns the movies with the largest changes in one direction.
fn most_changed(
    n_users: &BTreeMap<MovieId, (u64, u64)>,
    titles: &Tables,
    change: fn(u64, u64) -> u64,
) -> Result<Vec<MovieChange>> {
    let mut changed: Vec<_> =
        n_users.iter().filter(|(_, (before, after))| change(*before, *after) > 0).collect();
    changed.sort_by_key(|(id, (before, after))| (std::cmp::Reverse(change(*before, *after)), **id));
    let named = changed
        .into_iter()
        .take(MOVIES_NAMED)
        .map(|(&id, &(before, after))| Ok(MovieChange { id, title: titles.title(id)?, before, after }));
    Ok(named.collect::<store::Result<_>>()?)
}

fn changes(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, Change> {
    let names = before.keys().chain(after.keys());
    let change =
        |name: &String| Change { before: before.get(name).copied(), after: after.get(name).copied() };
    names.map(|name| (name.clone(), change(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: &[u32]) -> TopN {
        TopN { movies: ids.iter().copied().map(MovieId::new).collect(), ..TopN::default() }
    }

    #[test]
    fn an_overlap_is_a_share_of_the_longer_list_and_another_order_is_a_change() {
        let compare = |old: &[u32], new: &[u32]| {
            let mut part = Tally::default();
            part.add(&list(old), &list(new), 3);
            (part.changed, part.overlap)
        };
        assert_eq!(compare(&[1, 2, 3, 4], &[1, 2, 3, 9]), (0, 1.0));
        assert_eq!(compare(&[1, 2, 3], &[3, 2, 1]), (1, 1.0));
        assert_eq!(compare(&[1, 2], &[2, 5, 6]), (1, 1.0 / 3.0));
        assert_eq!(compare(&[], &[]), (0, 1.0));
        assert_eq!(compare(&[], &[1]), (1, 0.0));
    }
}
