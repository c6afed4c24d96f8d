//! What the records say beyond the manifest, taken before they are closed.

use std::path::Path;

use store::manifest::Manifest;
use store::{DenyList, MovieId, Repository, Tables, UserId};

use super::changes::ListChange;
use super::samples::{self, Sample};
use crate::error::Result;
use crate::evaluation::Concentration;
use crate::gate::Lists;
use crate::ingest::Scale;
use crate::interactions::Interactions;
use crate::model::Course;
use crate::vocabulary::Vocabulary;

/// Users whose lists are looked at for how scores are distributed.
const USERS_LOOKED_AT: usize = 2_000;
/// The first entries of a list, which is what most clients show.
pub(super) const SHOWN: usize = 10;
/// Movies named among the most recommended.
const MOVIES_NAMED: usize = 10;
/// Bars of a histogram of scores.
const BARS: usize = 20;
/// The width of a bar of predicted stars.
const HALF_A_STAR: f64 = 0.5;

/// What the records of a night say beyond its manifest.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub(super) course: Course,
    pub(super) exposure: Option<Exposure>,
    pub(super) scores: Histogram,
    pub(super) stars: Histogram,
    pub(super) samples: Vec<Sample>,
    /// How lists differ from the published ones, or why nothing is said of that.
    pub(super) change: Option<std::result::Result<ListChange, String>>,
}

/// Where the evidence is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Tonight's records.
    pub tables: &'a Tables,
    /// What the gate has seen of all lists.
    pub lists: &'a Lists,
    /// The ratings, for who has rated how much.
    pub interactions: &'a Interactions,
    /// The names of their rows.
    pub vocabulary: &'a Vocabulary,
    /// How training went.
    pub course: &'a Course,
    /// The stars that there are.
    pub scale: Scale,
    /// What must not be named.
    pub deny: Option<&'a DenyList>,
    /// Where the published generation is, ...
    pub repository: &'a Repository,
    /// ... what it says of itself ...
    pub before: Option<&'a Manifest>,
    /// ... and where it can be opened.
    pub work: &'a Path,
}

/// How the first places of all lists are shared by the movies.
#[derive(Debug, Clone)]
pub(super) struct Exposure {
    pub(super) concentration: Concentration,
    pub(super) n_users: u64,
    pub(super) n_movies: usize,
    pub(super) n_shown: usize,
    /// Points of the curve: the share of movies, the most recommended first, and the share of places that they have.
    pub(super) curve: Vec<(f64, f64)>,
    /// The most recommended: title and users.
    pub(super) most: Vec<(String, u64)>,
}

/// How often numbers fall between bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Histogram {
    /// The lower bound of the first bar.
    pub(super) start: f64,
    /// The width of each bar.
    pub(super) width: f64,
    pub(super) counts: Vec<u64>,
}

impl Evidence {
    /// Takes what there is where the users' records are elsewhere: no user is looked at.
    ///
    /// # Errors
    /// Those of the store.
    pub fn without_users(sources: &Sources<'_>) -> Result<Self> {
        Ok(Self { course: sources.course.clone(), exposure: exposure(sources)?, ..Self::default() })
    }

    /// Takes it. Cost: reading the lists of some thousand users, and a copy of what is published unless that is large.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(sources: &Sources<'_>) -> Result<Self> {
        let Sources { tables, vocabulary, deny, scale, .. } = *sources;
        let is_named = |user: &UserId| deny.is_none_or(|deny| !deny.deletes(*user));
        let users: Vec<UserId> = vocabulary.users().iter().copied().filter(is_named).collect();
        let (mut scores, mut stars) = (Vec::new(), Vec::new());
        for &user in evenly(&users, USERS_LOOKED_AT) {
            tables.view_top_n(user, |list| {
                for (_, score, predicted) in list.entries().take(SHOWN) {
                    scores.push(f64::from(score));
                    stars.push(f64::from(predicted));
                }
            })?;
        }
        let scale = (f64::from(scale.min), f64::from(scale.max));
        Ok(Self {
            course: sources.course.clone(),
            exposure: exposure(sources)?,
            scores: Histogram::of(&scores, bounds(&scores), BARS),
            stars: Histogram::of(&stars, scale, ((scale.1 - scale.0) / HALF_A_STAR).ceil() as usize),
            samples: samples::of(sources)?,
            change: sources.before.map(|before| ListChange::since(before, sources, &users)),
        })
    }
}

/// At most `n` of some, evenly spread over all.
pub(super) fn evenly<T>(all: &[T], n: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(n).max(1))
}

/// A movie's title, unless it must not be named.
pub(super) fn title(tables: &Tables, movie: MovieId, deny: Option<&DenyList>) -> Result<Option<String>> {
    if deny.is_some_and(|deny| deny.hides(movie)) {
        return Ok(None);
    }
    let found = tables.movie(movie)?;
    Ok(Some(found.map_or_else(|| store::records::Movie::default_title(movie), |movie| movie.title)))
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

impl Histogram {
    /// Counts numbers in bars of the same width; a number at a bound counts in the bar above, the greatest in the last.
    pub(super) fn of(values: &[f64], (min, max): (f64, f64), n_bars: usize) -> Self {
        let width = (max - min) / n_bars as f64;
        if n_bars == 0 || !width.is_finite() || width <= 0.0 {
            return Self::default();
        }
        let mut counts = vec![0; n_bars];
        for value in values {
            // Numbers beyond the bounds are in the bars at the ends: `as` holds them to what there is.
            let bar = ((value - min) / width) as usize;
            counts[bar.min(n_bars - 1)] += 1;
        }
        Self { start: min, width, counts }
    }

    /// Between which bounds the middle one of all numbers lies.
    pub(super) fn middle(&self) -> Option<(f64, f64)> {
        let half = self.counts.iter().sum::<u64>().div_ceil(2);
        let mut sum = 0;
        let bar = self.counts.iter().position(|count| {
            sum += count;
            sum >= half && half > 0
        })?;
        let start = self.start + self.width * bar as f64;
        Some((start, start + self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_number_once() {
        let histogram = Histogram::of(&[0.5, 0.9, 1.0, 5.0, 7.0], (0.5, 5.0), 9);
        assert_eq!(histogram.counts, [2, 1, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(histogram.middle(), Some((1.0, 1.5)));
        assert_eq!(Histogram::of(&[], bounds(&[]), 9), Histogram::default());
        assert_eq!(Histogram::of(&[2.0], (2.0, 2.0), 9).middle(), None);
    }

    #[test]
    fn some_of_many_are_spread_over_all_and_all_of_few_are_taken() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(evenly(&all, 4).copied().collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(evenly(&all, 20).count(), 10);
        assert_eq!(evenly(&all[..0], 20).count(), 0);
    }
}
