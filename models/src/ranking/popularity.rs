//! Popularity as a factor of its own, and its share in the scores of users with few ratings.
//!
//! Few ratings may say less about a user than the ratings of all users do. Beside its factors, an item has a
//! number for its popularity, and the score of a user with n ratings is
//!
//! ```text
//! (1 - share(n)) x . q + share(n) popularity
//! ```
//!
//! The shares are chosen by the quality of lists of users that the items were not trained on, for each slice of
//! [`ranking::activity`]: such a user is folded in from as many ratings, and the others of the user's ratings should stand
//! at the top of the list. Where personal scores are not better than popularity by more than the noise of this measurement,
//! popularity alone orders the list (the rule of one standard error: Breiman, Friedman, Olshen, Stone: "Classification and
//! Regression Trees", 1984). So it does where no user has two ratings, as nothing then tells whether personal scores are
//! any good.

use ::ranking::activity::FEWEST_RATINGS;
use ::ranking::vector::dot;
use ::ranking::{FoldIn, Preference};
use indicatif::ProgressBar;
use interactions::{Csr, Interactions};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Trained, fit};
use crate::error::Result;
use crate::{RankingSettings, TrainSettings};

/// The shares that are tried, from personal scores alone to popularity alone.
const SHARES: [f32; 9] = [0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0];
/// One user in so many is left out of training.
const LEFT_OUT: usize = 5;
/// The most users that are left out; more hardly reduce the noise.
const MOST_USERS: usize = 1000;
/// The most pairs of a left-out user and an item, each of which is scored for each slice.
const MOST_PAIRS: usize = 50_000_000;
/// The entries of a list that count.
const DEPTH: usize = 100;

/// Returns the popularity of each item on the scale of scores: the score that minimizes the loss of the model if all users
/// score an item alike, for ratings of mean preference. It grows with the number of raters, and so orders items by it. A
/// weight of unrated items below the default counts as the default, since a weight near 0 would make all items alike.
pub(super) fn popularity(
    interactions: &Interactions,
    unobserved_weight: f32,
    preference: Preference,
) -> Vec<f32> {
    let sum: f64 = interactions.by_user.cells().map(|cell| f64::from(preference.of(cell.2))).sum();
    let mean = sum / interactions.by_user.n_cells().max(1) as f64;
    let unobserved_weight = unobserved_weight.max(RankingSettings::default().unobserved_weight);
    let unobserved = f64::from(unobserved_weight) * interactions.n_users() as f64;
    let of_item = |item| {
        let n_raters = interactions.by_item.columns(item).len() as f64;
        (mean * n_raters / (n_raters + unobserved)) as f32
    };
    (0..interactions.n_items()).map(of_item).collect()
}

/// Returns the share of popularity for each slice of users. Cost: a training on the other users, and for each left-out user
/// and slice the scores of all items.
///
/// # Errors
/// [`Error::Diverged`](crate::error::Error::Diverged) if a number is not finite.
pub(super) fn shares(
    interactions: &Interactions,
    settings: &TrainSettings,
    bar: &ProgressBar,
) -> Result<Vec<f32>> {
    let Interactions { by_user, .. } = interactions;
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut users: Vec<usize> =
        (0..by_user.n_rows()).filter(|&user| by_user.columns(user).len() > 1).collect();
    let most = MOST_USERS.min(MOST_PAIRS / interactions.n_items().max(1)).max(1);
    let (left_out, _) = {
        let n = users.len().div_ceil(LEFT_OUT).min(most);
        users.partial_shuffle(&mut rng, n)
    };
    let mut is_left_out = vec![false; by_user.n_rows()];
    left_out.iter().for_each(|&user| is_left_out[user] = true);
    let others = Interactions::from_users(by_user.rows(|user| !is_left_out[user]), interactions.n_items());
    if left_out.is_empty() || others.by_user.n_cells() == 0 {
        bar.inc(settings.ranking.epochs as u64);
        return Ok(vec![1.0; FEWEST_RATINGS.len()]);
    }
    let trained = fit(&others, settings, bar, &mut Vec::new())?;
    let preference = Preference::from(&trained.user_terms);
    let popularity = popularity(&others, settings.ranking.unobserved_weight, preference);
    let validation = Validation { by_user, trained: &trained, popularity: &popularity, preference };
    let with_seeds: Vec<(usize, u64)> = left_out.iter().map(|&user| (user, rng.random())).collect();
    let qualities: Vec<Vec<Quality>> =
        with_seeds.into_par_iter().map(|(user, seed)| validation.of_user(user, seed)).collect();
    let mut shares: Vec<f32> = Vec::new();
    for slice in 0..FEWEST_RATINGS.len() {
        let of_slice: Vec<&Quality> = qualities.iter().filter_map(|of_user| of_user.get(slice)).collect();
        // A slice without users has the share of the slice before it.
        let like_before = shares.last().copied().unwrap_or(1.0);
        shares.push(choose(&of_slice).unwrap_or(like_before));
    }
    Ok(shares)
}

/// The quality of one user's list for each of [`SHARES`].
type Quality = [f64; SHARES.len()];

/// Chooses the share of the best mean quality; popularity alone if that is not better by more than the standard error of
/// the difference. `None` for fewer than two users.
fn choose(of_users: &[&Quality]) -> Option<f32> {
    let n = of_users.len() as f64;
    if n < 2.0 {
        return None;
    }
    let popular = SHARES.len() - 1;
    let gain =
        |share: usize| of_users.iter().map(|quality| quality[share] - quality[popular]).sum::<f64>() / n;
    // The last of equal shares is the nearest to popularity.
    let best = (0..SHARES.len()).max_by(|&a, &b| gain(a).total_cmp(&gain(b)))?;
    let mean = gain(best);
    let squares: f64 = of_users.iter().map(|quality| (quality[best] - quality[popular] - mean).powi(2)).sum();
    let standard_error = (squares / (n * (n - 1.0))).sqrt();
    Some(if mean > standard_error { SHARES[best] } else { 1.0 })
}

/// Items that were trained without the users whose lists are judged.
struct Validation<'a> {
    by_user: &'a Csr,
    trained: &'a Trained,
    popularity: &'a [f32],
    preference: Preference,
}

impl Validation<'_> {
    /// Judges the lists of a user who is folded in from some of the user's ratings, for each slice that leaves others.
    fn of_user(&self, user: usize, seed: u64) -> Vec<Quality> {
        let (items, stars) = self.by_user.row(user);
        let mut ratings: Vec<(u32, f32)> = items.iter().copied().zip(stars.iter().copied()).collect();
        ratings.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let most = ratings.len() - ratings.len().div_ceil(LEFT_OUT);
        let n_given = (0..FEWEST_RATINGS.len()).map(|slice| match FEWEST_RATINGS.get(slice + 1) {
            // The middle of the slice.
            Some(next) => (FEWEST_RATINGS[slice] + next - 1) / 2,
            None => most.max(FEWEST_RATINGS[slice]),
        });
        n_given
            .take_while(|&n| n < ratings.len())
            .map(|n| self.of_split(&ratings[..n], &ratings[n..]))
            .collect()
    }

    /// Judges the lists of a user who is folded in from the given ratings, by those held out.
    fn of_split(&self, given: &[(u32, f32)], held_out: &[(u32, f32)]) -> Quality {
        let Trained { item_factors, user_terms } = self.trained;
        let k = user_terms.gram.len();
        let item = |item: u32| &item_factors[item as usize * k..][..k];
        let user =
            FoldIn::new(user_terms, given.iter().map(|&(rated, stars)| (item(rated), stars))).factors();
        let personal: Vec<f32> = item_factors.chunks_exact(k).map(|item| dot(item, &user)).collect();
        let mut gains = vec![0.0; personal.len()];
        held_out.iter().for_each(|&(item, stars)| gains[item as usize] = self.preference.of(stars));
        let mut candidates: Vec<u32> = (0..).take(personal.len()).collect();
        let mut given: Vec<u32> = given.iter().map(|rating| rating.0).collect();
        given.sort_unstable();
        candidates.retain(|item| given.binary_search(item).is_err());
        let mut ideal: Vec<f32> = held_out.iter().map(|&(_, stars)| self.preference.of(stars)).collect();
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        let ideal = discounted(ideal.into_iter());
        SHARES.map(|share| {
            let score =
                |item: u32| (1.0 - share) * personal[item as usize] + share * self.popularity[item as usize];
            let by_score = |a: &u32, b: &u32| score(*b).total_cmp(&score(*a)).then(a.cmp(b));
            if candidates.len() > DEPTH {
                candidates.select_nth_unstable_by(DEPTH - 1, by_score);
            }
            let top = &mut candidates[..DEPTH.min(personal.len() - given.len())];
            top.sort_unstable_by(by_score);
            discounted(top.iter().map(|&item| gains[item as usize])) / ideal
        })
    }
}

/// The discounted cumulative gain of the first [`DEPTH`] entries: `sum of gain / log2(rank + 1)`, ranks from 1.
fn discounted(gains: impl Iterator<Item = f32>) -> f64 {
    let ranked = (2u32..).zip(gains.take(DEPTH));
    ranked.map(|(place, gain)| f64::from(gain) / f64::from(place).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TrainSettings {
        let mut settings = TrainSettings::default();
        settings.ranking.n_factors = Some(8);
        settings
    }

    fn interactions(cells: &[(u32, u32)], n_users: usize, n_items: usize) -> Interactions {
        let columns = cells.iter().map(|cell| cell.1).collect();
        let by_user =
            Csr::from_sorted(n_users, cells.iter().map(|cell| cell.0), columns, vec![5.0; cells.len()]);
        Interactions::from_users(by_user, n_items)
    }

    #[test]
    fn planted_groups_are_followed_and_noise_is_not() {
        // 300 users of two groups, each with 25 of 50 movies of its own. Few ratings say which group a user is of.
        let planted: Vec<(u32, u32)> = (0..300u32)
            .flat_map(|user| (0..50).map(move |item| (user, user % 2 * 50 + item)))
            .filter(|(user, item)| (user * 31 + item * 17) % 97 % 2 == 0)
            .collect();
        let shares = |cells: &[(u32, u32)]| {
            shares(&interactions(cells, 300, 100), &settings(), &ProgressBar::hidden()).unwrap()
        };
        let personal = shares(&planted);
        assert!(personal.iter().all(|&share| share < 1.0), "{personal:?}");
        // Three movies each, at random with a weight.
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let noise: Vec<(u32, u32)> = (0..300u32)
            .flat_map(|user| {
                let mut items = std::collections::BTreeSet::new();
                while items.len() < 3 {
                    items.insert((rng.random::<f64>().powi(3) * 100.0) as u32);
                }
                items.into_iter().map(move |item| (user, item))
            })
            .collect();
        let popular = shares(&noise);
        assert!(popular.iter().all(|&share| share >= 0.5), "{popular:?}");
        let single: Vec<(u32, u32)> = (0..300).map(|user| (user, user % 10)).collect();
        assert_eq!(shares(&single), [1.0; 6]);
    }

    #[test]
    fn the_best_share_is_chosen_if_it_is_better_than_popularity_by_more_than_noise() {
        let quality = |best: f64| {
            let mut quality = [0.25; SHARES.len()];
            quality[2] = best;
            quality
        };
        let choose = |qualities: &[Quality]| choose(&qualities.iter().collect::<Vec<_>>());
        assert_eq!(choose(&[quality(0.5), quality(0.45)]), Some(SHARES[2]));
        assert_eq!(choose(&[quality(0.5), quality(0.1)]), Some(1.0), "0.05 better, with an error of 0.2");
        assert_eq!(choose(&[quality(0.25), quality(0.25)]), Some(1.0));
        assert_eq!(choose(&[quality(0.5)]), None);
    }

    #[test]
    fn popularity_grows_with_the_number_of_raters() {
        let cells = [(0, 0), (0, 1), (1, 1), (2, 1), (3, 0)];
        let preference = Preference { min: 0.5, max: 5.0, floor: 0.1, midpoint: 0.55, steepness: 5.5 };
        let found = popularity(&interactions(&cells, 4, 3), 0.5, preference);
        let mean = preference.of(5.0);
        for (found, expected) in found.iter().zip([mean * 2.0 / 4.0, mean * 3.0 / 5.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        let found = popularity(&interactions(&cells, 4, 3), 1e-38, preference);
        assert!(found[1] > found[0] && found[0] > found[2], "{found:?}");
    }
}
