//! What two generations differ in, as their users would notice.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rayon::prelude::*;
use serde::Serialize;
use store::records::TopN;
use store::{GenerationId, MovieId, Repository, Tables, UserId};

use super::{Place, published};
use crate::error::{Error, Result};

/// Memory for the pages of each of the two: users are looked up once, in order.
const CACHE_BYTES: u64 = 64 << 20;
/// Users compared by one task.
const USERS_A_TASK: usize = 512;
/// Movies named in either direction.
const MOVIES_NAMED: usize = 10;

/// What is compared.
#[derive(Debug, Clone)]
pub struct DiffSettings {
    /// Where both are.
    pub place: Place,
    /// The one before.
    pub before: GenerationId,
    /// The one after; `None` for the published one.
    pub after: Option<GenerationId>,
    /// How many entries of each list are compared.
    pub n: usize,
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The one before.
    pub before: GenerationId,
    /// The one after.
    pub after: GenerationId,
    /// Whether all records are the same.
    pub same_content: bool,
    /// How many entries of each list were compared.
    pub n: usize,
    /// Users with a list in both.
    pub users_in_both: u64,
    /// Users who have a list no more.
    pub users_gone: u64,
    /// Users who have a list now.
    pub users_new: u64,
    /// Users in both whose first n movies are others, or in another order.
    pub users_changed: u64,
    /// The share of the first n movies that a user's two lists have in common, a mean over the users in both.
    pub mean_overlap: f64,
    /// Movies that more users are recommended now, most first.
    pub movies_in: Vec<MovieChange>,
    /// Movies that fewer users are recommended now, most first.
    pub movies_out: Vec<MovieChange>,
    /// Figures of held-out ratings that either has, by name.
    pub metrics: BTreeMap<String, Change>,
}

/// A movie that is recommended to more or fewer users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovieChange {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    pub title: String,
    /// The users who had it among their first n.
    pub before: u64,
    /// The users who have it.
    pub after: u64,
}

/// A figure then and now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Then.
    pub before: Option<f64>,
    /// Now.
    pub after: Option<f64>,
}

/// What one task has seen.
#[derive(Default)]
struct Part {
    changed: u64,
    overlap: f64,
    shown: BTreeMap<MovieId, (u64, u64)>,
}

/// Compares the lists of two generations. Cost: reading both.
///
/// # Errors
/// [`Error::NothingPublished`], [`Error::Setting`]; those of the store.
pub fn diff(settings: &DiffSettings) -> Result<Difference> {
    let DiffSettings { place, before, after, n } = settings;
    if *n == 0 {
        return Err(Error::setting("--n", n, "a list has at least one entry to compare"));
    }
    let repository: Repository = place.open()?;
    let after = match after {
        Some(id) => id.clone(),
        None => published(&repository)?,
    };
    let open = |id| repository.open_generation(id, &place.work, CACHE_BYTES);
    let (old, new) = (open(before)?, open(&after)?);
    let (old_users, new_users) = (users(old.tables())?, users(new.tables())?);
    let in_both: Vec<UserId> = old_users.intersection(&new_users).copied().collect();

    let all = Shown::compare(old.tables(), new.tables(), &in_both, *n)?;
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

/// What users see of a difference: that of their lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shown {
    /// Users whose first n movies are others, or in another order.
    pub(crate) changed: u64,
    /// The share of the first n movies that a user's two lists have in common, a mean over the users.
    pub(crate) mean_overlap: f64,
    /// Movies that more users are recommended now, most first.
    pub(crate) movies_in: Vec<MovieChange>,
    /// Movies that fewer users are recommended now, most first.
    pub(crate) movies_out: Vec<MovieChange>,
}

impl Shown {
    /// Compares the first n movies of users who have a list in both. Cost: reading those lists.
    pub(crate) fn compare(old: &Tables, new: &Tables, users: &[UserId], n: usize) -> Result<Self> {
        let all = Part::of(old, new, users, n)?;
        Ok(Self {
            changed: all.changed,
            mean_overlap: if users.is_empty() { 1.0 } else { all.overlap / users.len() as f64 },
            movies_in: most_changed(&all.shown, new, |before, after| after.saturating_sub(before))?,
            movies_out: most_changed(&all.shown, old, |before, after| before.saturating_sub(after))?,
        })
    }
}

fn users(tables: &Tables) -> store::Result<BTreeSet<UserId>> {
    tables.users().collect()
}

impl Part {
    /// Compares all users' lists.
    fn of(old: &Tables, new: &Tables, users: &[UserId], n: usize) -> Result<Self> {
        let parts: Vec<Part> = users
            .par_chunks(USERS_A_TASK)
            .map(|users| {
                let mut part = Part::default();
                for &user in users {
                    let list = |tables: &Tables| Ok(tables.top_n(user)?.unwrap_or_default());
                    part.take(&list(old)?, &list(new)?, n);
                }
                Ok(part)
            })
            .collect::<store::Result<_>>()?;
        let mut all = Part::default();
        for part in parts {
            all.changed += part.changed;
            all.overlap += part.overlap;
            for (movie, (before, after)) in part.shown {
                let sum = all.shown.entry(movie).or_default();
                *sum = (sum.0 + before, sum.1 + after);
            }
        }
        Ok(all)
    }

    /// Compares a user's two lists.
    fn take(&mut self, old: &TopN, new: &TopN, n: usize) {
        let first = |list: &TopN| list.movies.iter().copied().take(n).collect::<Vec<_>>();
        let (old, new) = (first(old), first(new));
        self.changed += u64::from(old != new);
        let before: HashSet<_> = old.iter().collect();
        let common = new.iter().filter(|movie| before.contains(movie)).count();
        // Two empty lists have all in common.
        let longest = old.len().max(new.len());
        self.overlap += if longest == 0 { 1.0 } else { common as f64 / longest as f64 };
        old.iter().for_each(|&movie| self.shown.entry(movie).or_default().0 += 1);
        new.iter().for_each(|&movie| self.shown.entry(movie).or_default().1 += 1);
    }
}

/// The movies with the greatest change of a kind, by title.
fn most_changed(
    shown: &BTreeMap<MovieId, (u64, u64)>,
    titles: &Tables,
    change: fn(u64, u64) -> u64,
) -> Result<Vec<MovieChange>> {
    let mut changed: Vec<_> =
        shown.iter().filter(|(_, (before, after))| change(*before, *after) > 0).collect();
    changed.sort_by_key(|(id, (before, after))| (std::cmp::Reverse(change(*before, *after)), **id));
    let named = changed.into_iter().take(MOVIES_NAMED).map(|(&id, &(before, after))| {
        let title =
            titles.movie(id)?.map_or_else(|| store::records::Movie::default_title(id), |movie| movie.title);
        Ok(MovieChange { id, title, before, after })
    });
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
    fn an_overlap_is_a_share_of_the_longer_list_and_order_counts_as_change() {
        let compare = |old: &[u32], new: &[u32]| {
            let mut part = Part::default();
            part.take(&list(old), &list(new), 3);
            (part.changed, part.overlap)
        };
        assert_eq!(compare(&[1, 2, 3, 4], &[1, 2, 3, 9]), (0, 1.0));
        assert_eq!(compare(&[1, 2, 3], &[3, 2, 1]), (1, 1.0));
        assert_eq!(compare(&[1, 2], &[2, 5, 6]), (1, 1.0 / 3.0));
        assert_eq!(compare(&[], &[]), (0, 1.0));
        assert_eq!(compare(&[], &[1]), (1, 0.0));
    }
}
