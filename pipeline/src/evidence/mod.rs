//! Collects from the records what the report shows beyond the manifest, before the records are closed.
//!
//! The number of users that are read is bounded, so that the report of a large run takes no longer than that of a small
//! one.

mod samples;
mod changes;

use std::path::Path;

use evaluation::Concentration;
use interactions::{Interactions, Scale, Vocabulary};
use models::TrainingCurve;
use report::{Evidence, Exposure, Histogram};
use store::manifest::Manifest;
use store::{DenyList, MovieId, Repository, Tables, UserId};

use crate::error::Result;
use crate::gate::ListAudit;

/// Users whose lists the distribution of scores is taken from.
const USERS_SAMPLED: usize = 2_000;
/// The first entries of a list, as many as most clients show.
pub(super) const SHOWN: usize = 10;
/// Movies named among the most recommended.
const MOVIES_NAMED: usize = 10;
/// Bars of a histogram of scores.
const BARS: usize = 20;
/// The width of a bar of predicted stars.
const HALF_A_STAR: f64 = 0.5;

/// The sources of the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The records of the new generation.
    pub tables: &'a Tables,
    /// The gate's audit of all lists.
    pub lists: &'a ListAudit,
    /// The ratings, for the number of ratings of each user.
    pub interactions: &'a Interactions,
    /// The ids of their rows and columns.
    pub vocabulary: &'a Vocabulary,
    /// The course of the training.
    pub course: &'a TrainingCurve,
    /// The scale of predicted stars.
    pub scale: Scale,
    /// The users and movies that must not be named.
    pub deny: Option<&'a DenyList>,
    /// The repository of the published generation.
    pub repository: &'a Repository,
    /// The manifest of the published generation.
    pub before: Option<&'a Manifest>,
    /// The directory for a copy of it.
    pub work: &'a Path,
}

/// Collects the figures that need no user's record.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn collect_without_users(sources: &Sources<'_>) -> Result<Evidence> {
    Ok(Evidence { course: sources.course.clone(), exposure: exposure(sources)?, ..Evidence::default() })
}

/// Collects all figures. Cost: reading the lists of some thousand users, and a copy of the published generation
/// unless that is large.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub fn collect(sources: &Sources<'_>) -> Result<Evidence> {
    let Sources { tables, vocabulary, deny, scale, .. } = *sources;
    let is_named = |user: &UserId| deny.is_none_or(|deny| !deny.deletes(*user));
    let users: Vec<UserId> = vocabulary.users().iter().copied().filter(is_named).collect();
    let (mut scores, mut stars) = (Vec::new(), Vec::new());
    for &user in evenly(&users, USERS_SAMPLED) {
        tables.view_top_n(user, |list| {
            for (_, score, predicted) in list.entries().take(SHOWN) {
                scores.push(f64::from(score));
                stars.push(f64::from(predicted));
            }
        })?;
    }
    let scale = (f64::from(scale.min), f64::from(scale.max));
    Ok(Evidence {
        course: sources.course.clone(),
        exposure: exposure(sources)?,
        scores: Histogram::of(&scores, bounds(&scores), BARS),
        stars: Histogram::of(&stars, scale, ((scale.1 - scale.0) / HALF_A_STAR).ceil() as usize),
        samples: samples::of(sources)?,
        change: sources.before.map(|before| changes::since(before, sources, &users)),
    })
}

/// Returns at most `n` elements, evenly spread over all.
pub(super) fn evenly<T>(all: &[T], n: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(n).max(1))
}

/// Returns the title of a movie; `None` where it must not be named.
pub(super) fn title(tables: &Tables, movie: MovieId, deny: Option<&DenyList>) -> Result<Option<String>> {
    if deny.is_some_and(|deny| deny.hides(movie)) {
        return Ok(None);
    }
    Ok(Some(tables.title(movie)?))
}

fn exposure(sources: &Sources<'_>) -> Result<Option<Exposure>> {
    const POINTS: usize = 100;

    let &Sources { tables, lists, vocabulary, deny, .. } = sources;
    let shown = lists.shown();
    if shown.is_empty() {
        return Ok(None);
    }
    let n_movies = vocabulary.items().len().max(shown.len());
    let mut counts = vec![0; n_movies - shown.len()];
    counts.extend(shown.values());
    counts.sort_unstable();
    let places = counts.iter().sum::<u64>() as f64;
    let mut curve = vec![(0.0, 0.0)];
    let (mut sum, step) = (0, n_movies.div_ceil(POINTS));
    for (count, n) in counts.iter().rev().zip(1usize..) {
        sum += count;
        if n % step == 0 || n == n_movies {
            curve.push((n as f64 / n_movies as f64, sum as f64 / places));
        }
    }
    let mut most: Vec<_> = shown.iter().collect();
    most.sort_by_key(|&(&movie, &n_users)| (std::cmp::Reverse(n_users), movie));
    let named = most.into_iter().take(MOVIES_NAMED).filter_map(|(&movie, &n_users)| {
        title(tables, movie, deny).map(|title| title.map(|title| (title, n_users))).transpose()
    });
    Ok(Some(Exposure {
        concentration: Concentration::of(&counts),
        n_users: lists.statistics().users,
        n_movies,
        n_shown: shown.len(),
        curve,
        most: named.collect::<Result<_>>()?,
    }))
}

fn bounds(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &value| (min.min(value), max.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_many_is_spread_over_all_and_all_of_few_are_taken() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(evenly(&all, 4).copied().collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(evenly(&all, 20).count(), 10);
        assert_eq!(evenly(&all[..0], 20).count(), 0);
    }
}
