//! The comparison of an input with the sample of an earlier one.

use std::collections::HashMap;
use std::hash::Hash;

use interactions::Vocabulary;
use reading::Input;
use store::sample::{Part, Sample, SampledMovie, SampledRating, is_chosen};
use store::{DenyList, MovieId, UserId};

use super::super::share::Share;

/// The parts of an earlier input that are still there. Shares are of the samples, without denied users and movies; numbers are
/// estimates for the whole input.
#[derive(Debug, Clone, Default)]
pub(in crate::gate) struct Comparison {
    /// Earlier users who are not denied, and those of them that are gone.
    pub(in crate::gate) users: Share,
    /// The number of earlier users who were denied since.
    pub(in crate::gate) n_denied_users: f64,
    /// The number of earlier movies with metadata that were denied since.
    pub(in crate::gate) n_denied_movies: f64,
    /// Earlier movies with metadata, and those of them that are gone.
    pub(in crate::gate) movies: Share,
    /// Earlier ratings by users who are still there, and those of them that are gone.
    pub(in crate::gate) ratings: Share,
    /// Ratings of both, and those of them with other stars.
    pub(in crate::gate) stars: Share,
    /// Ratings of both that had a time, and those of them with another time or none.
    pub(in crate::gate) times: Share,
    /// Whether both inputs are of a kind that has times.
    pub(in crate::gate) have_times: bool,
    /// Movies of both, and those of them with another title.
    pub(in crate::gate) titles: Share,
    /// Movies of both, and those of them with other genres.
    pub(in crate::gate) genres: Share,
    /// The largest distance between the cumulative distributions of stars (the statistic of Kolmogorov and Smirnov).
    pub(in crate::gate) star_distance: f64,
    /// The user with the most new ratings, and their number.
    pub(in crate::gate) busiest_user: Option<(UserId, f64)>,
    /// The movie with the most new ratings among those that were there before, and their number.
    pub(in crate::gate) busiest_movie: Option<(MovieId, f64)>,
}

impl Comparison {
    /// Compares an input with an earlier sample.
    pub(super) fn of(then: &Sample, input: &Input, deny: Option<&DenyList>) -> Self {
        let now = &input.sample;
        let deletes = |user: UserId| deny.is_some_and(|deny| deny.deletes(user));
        let hides = |movie: MovieId| deny.is_some_and(|deny| deny.hides(movie));
        let mut found = Self {
            have_times: then.has_times && now.has_times,
            star_distance: distance(then, now),
            ..Self::default()
        };
        let level = then.users.level.max(now.users.level);
        for &user in then.users.at(level) {
            match deletes(user) {
                true => found.n_denied_users += Part::<UserId>::weight(level),
                false => found.users.count(now.users.get(&user).is_none()),
            }
        }
        let movies_level = then.movies.level.max(now.movies.level);
        for before in then.movies.at(movies_level) {
            if hides(before.movie) {
                found.n_denied_movies += Part::<SampledMovie>::weight(movies_level);
                continue;
            }
            let after = now.movies.get(&before.movie);
            found.movies.count(after.is_none());
            if let Some(after) = after {
                found.titles.count(after.title != before.title);
                found.genres.count(after.genres != before.genres);
            }
        }
        let level = then.ratings.level.max(now.ratings.level);
        let is_kept =
            |rating: &&SampledRating| !hides(rating.movie) && is_there(&input.vocabulary, rating.user);
        for before in then.ratings.at(level).filter(is_kept) {
            let after = now.ratings.get(&(before.user, before.movie));
            found.ratings.count(after.is_none());
            if let Some(after) = after {
                found.stars.count(after.stars != before.stars);
                if before.time.is_some() {
                    found.times.count(after.time != before.time);
                }
            }
        }
        let added: Vec<_> = now
            .ratings
            .at(level)
            .filter(|rating| then.ratings.get(&(rating.user, rating.movie)).is_none())
            .collect();
        let weight = Part::<SampledRating>::weight(level);
        found.busiest_user = most(added.iter().map(|rating| rating.user), weight);
        // A movie that was hidden, or not in the catalog, comes with all its ratings at once.
        let is_known = |&movie: &MovieId| {
            let would_be_chosen = is_chosen(&SampledMovie { movie, title: 0, genres: 0 }, movies_level);
            !would_be_chosen || then.movies.get(&movie).is_some()
        };
        found.busiest_movie = most(added.iter().map(|rating| rating.movie).filter(is_known), weight);
        found
    }
}

fn is_there(vocabulary: &Vocabulary, user: UserId) -> bool {
    vocabulary.users().binary_search(&user).is_ok()
}

/// The most frequent id, the smaller of equal ones, and its number at a weight for each.
fn most<T: Hash + Ord + Copy>(ids: impl Iterator<Item = T>, weight: f64) -> Option<(T, f64)> {
    let mut counts = HashMap::<T, u32>::new();
    ids.for_each(|id| *counts.entry(id).or_default() += 1);
    let (id, n) = counts.into_iter().max_by_key(|&(id, n)| (n, std::cmp::Reverse(id)))?;
    Some((id, f64::from(n) * weight))
}

/// The largest distance between the cumulative distributions of stars of two samples; 0 if one is empty.
fn distance(then: &Sample, now: &Sample) -> f64 {
    let sorted = |sample: &Sample| {
        let mut stars: Vec<f32> = sample.ratings.chosen.iter().map(|rating| rating.stars).collect();
        stars.sort_unstable_by(f32::total_cmp);
        stars
    };
    let (a, b) = (sorted(then), sorted(now));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let up_to = |all: &[f32], stars: f32| all.partition_point(|&one| one <= stars) as f64 / all.len() as f64;
    // The largest distance is at a value of one of them. Stars have few distinct values.
    let mut values = [a.as_slice(), b.as_slice()].concat();
    values.sort_unstable_by(f32::total_cmp);
    values.dedup();
    values.into_iter().map(|stars| (up_to(&a, stars) - up_to(&b, stars)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_stars(stars: &[f32]) -> Sample {
        let rating = |(&stars, movie): (&f32, u32)| SampledRating {
            user: UserId::new(1),
            movie: MovieId::new(movie),
            stars,
            time: None,
        };
        let chosen = stars.iter().zip(0..).map(rating).collect();
        Sample { ratings: Part { level: 0, chosen }, ..Sample::default() }
    }

    #[test]
    fn the_distance_of_distributions_is_that_of_kolmogorov_and_smirnov() {
        let between = |a: &[f32], b: &[f32]| distance(&with_stars(a), &with_stars(b));
        assert_eq!(between(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), 0.0);
        assert_eq!(between(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(between(&[1.0, 2.0, 3.0, 4.0], &[4.0, 4.0, 4.0, 4.0]), 0.75);
        assert_eq!(between(&[], &[4.0]), 0.0);
    }

    #[test]
    fn the_most_frequent_id_is_the_smaller_of_two_with_the_same_number() {
        assert_eq!(most([3, 1, 3, 1, 2].into_iter(), 4.0), Some((1, 8.0)));
        assert_eq!(most(std::iter::empty::<u32>(), 4.0), None);
    }
}
