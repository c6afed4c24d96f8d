//! The ranking model: implicit alternating least squares that listens to the stars.
//!
//! Every pair of user and movie is an observation. A movie that the user has rated should score what the rating
//! says ([`Preference`]); one that the user has not rated should score 0, with a small weight. How much each
//! counts, and how far factors are pulled towards zero, follows the data ([`weights`]), so that the same settings
//! serve few ratings and many.

mod weights;

use indicatif::ProgressBar;
use interactions::Scale;
use interactions::{Csr, Interactions};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use ranking::Preference;
use store::records::UserTerms;

use super::als::{self, Factors, Observation, Side};
use super::course;
use super::{RankingSettings, TrainSettings};
use crate::error::{Error, Result};
use weights::Weights;

/// What is learned of the items, and of users as a whole.
pub(super) struct Learned {
    /// n_items x k, row-major.
    pub(super) item_factors: Vec<f32>,
    /// k numbers: what the users were on average.
    pub(super) mean_user: Vec<f32>,
    /// What users' factors are solved from.
    pub(super) user_terms: UserTerms,
}

/// Learns the factors that minimise
///
/// ```text
/// sum over ratings of v(u) (preference(r) - s)^2 + unobserved_weight * sum over all pairs of c(i) s^2
///   + ridge * (sum over u of w(u) |user_factors[u]|^2 + sum over i of w(i) |item_factors[i]|^2)
/// ```
///
/// where s is the dot product of the pair, v and c are weights of users and items with a mean of 1, w(row) is its
/// number of ratings and the weight of its unobserved pairs, and the ridge follows the noise of the data
/// ([`Weights`]). That a row's pull grows with its weight follows Rendle, Krichene, Zhang, Koren: "Revisiting the
/// Performance of iALS on Item Recommendation Benchmarks", RecSys 2022.
///
/// Rows are improved, not solved (see [`super::als`]): after some epochs that is the same. Cost of an epoch: 14 k
/// multiplications a rating and 5/2 k^2 a row of either side. Memory: the factors, and half a megabyte a thread.
///
/// The users that were trained with the items are none of the model, but for their mean.
/// `course` gets the error of every epoch, see [`TrainingCurve`](super::TrainingCurve).
///
/// # Errors
/// [`Error::Diverged`] when numbers stop being numbers.
pub(super) fn fit(
    interactions: &Interactions,
    settings: &TrainSettings,
    bar: &ProgressBar,
    course: &mut Vec<f64>,
) -> Result<Learned> {
    let TrainSettings { ranking: settings, scale, seed, .. } = settings;
    let k = settings.n_factors_for(interactions);
    let (n_users, n_items) = (interactions.n_users(), interactions.n_items());
    let mut users = Factors::zero(n_users, k);
    let mut items = Factors::from_dense(&random_factors(n_items, k, *seed)?, k);
    let preference = preference(settings, *scale);
    let Weights { rated, unobserved_users, unobserved_items, user_ridge, item_ridge, of_user } =
        Weights::of(interactions, settings);
    let by_user = Side {
        matrix: &interactions.by_user,
        row_weights: &unobserved_users,
        column_weights: &unobserved_items,
        observe: |user, _, stars| Observation { weight: rated[user], target: preference.of(stars) },
        ridge: |user| user_ridge[user],
    };
    let by_item = Side {
        matrix: &interactions.by_item,
        row_weights: &unobserved_items,
        column_weights: &unobserved_users,
        observe: |_, user, stars| Observation { weight: rated[user as usize], target: preference.of(stars) },
        ridge: |item| item_ridge[item],
    };
    for epoch in 1..=settings.epochs {
        by_user
            .improve(&mut items, &mut users)
            .map_err(|()| Error::Diverged { epoch, what: "a user's ranking factors" })?;
        by_item
            .improve(&mut users, &mut items)
            .map_err(|()| Error::Diverged { epoch, what: "an item's ranking factors" })?;
        course.push(error(&interactions.by_user, &users, &items, preference));
        bar.inc(1);
    }
    // Where what all items contribute to a user's system is a diagonal, it can be published with the factors.
    let mut mean_user = users.mean();
    let gram = als::turn_to_axes(&mut items, &mut mean_user, &unobserved_items)
        .map_err(|()| Error::Diverged { epoch: settings.epochs, what: "an item's ranking factors" })?;
    let Preference { min, max, floor, midpoint, steepness } = preference;
    let user_terms = UserTerms {
        min,
        max,
        floor,
        midpoint,
        steepness,
        activity_discount: settings.activity_discount,
        mean_activity: of_user.mean_activity,
        ridge: of_user.ridge,
        unobserved: of_user.unobserved,
        gram,
    };
    Ok(Learned { item_factors: items.into_dense(), mean_user: mean_user.into_dense(), user_terms })
}

/// How far scores are from what ratings say, over some of the ratings.
fn error(ratings: &Csr, users: &Factors, items: &Factors, preference: Preference) -> f64 {
    fn row(factors: &Factors, number: usize) -> &[f32] {
        &factors.as_slice()[number * factors.stride()..][..factors.stride()]
    }
    course::rms(ratings.every(course::stride(ratings.n_cells())).map(|(user, item, stars)| {
        let factors = row(users, user).iter().zip(row(items, item));
        preference.of(stars) - factors.map(|(p, q)| p * q).sum::<f32>()
    }))
}

fn preference(settings: &RankingSettings, scale: Scale) -> Preference {
    let &RankingSettings { floor, midpoint, steepness, .. } = settings;
    Preference { min: scale.min, max: scale.max, floor, midpoint, steepness }
}

/// Where factors start (n_rows x n_factors): of a length of about a tenth, and never all alike.
fn random_factors(n_rows: usize, n_factors: usize, seed: u64) -> Result<Vec<f32>> {
    let normal = Normal::new(0.0, 0.1 / (n_factors as f32).sqrt())
        .map_err(|e| Error::Internal { what: "the random start", detail: e.to_string() })?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok((0..n_rows * n_factors).map(|_| normal.sample(&mut rng)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    /// Two groups of users, each with movies of its own, and one movie that nobody likes.
    #[test]
    fn planted_groups_are_found_again() {
        let mut cells = Vec::new();
        for user in 0..40u32 {
            let group = user % 2;
            for movie in 0..20u32 {
                if (movie + user / 2) % 3 > 0 {
                    cells.push((user, group * 20 + movie, 5.0));
                }
            }
            cells.push((user, 40, 0.5));
        }
        let columns = cells.iter().map(|cell| cell.1).collect();
        let by_user =
            Csr::from_sorted(40, cells.iter().map(|c| c.0), columns, cells.iter().map(|c| c.2).collect());
        let interactions = Interactions::from_users(by_user, 41);
        let mut settings = TrainSettings::default();
        settings.ranking.n_factors = Some(8);
        settings.rating.sweeps = Some(1);
        let Model { ranking: model, curve: course, .. } =
            Model::train(&interactions, &settings, &ProgressBar::hidden()).unwrap();
        let course = course.ranking;
        assert_eq!(course.len(), settings.ranking.epochs);
        assert!(course.last() < course.first(), "{course:?}");
        let score = |user: usize, item: usize| -> f32 {
            model.user(user).iter().zip(model.item(item)).map(|(p, q)| p * q).sum()
        };
        // Nearer to loved than to unrated.
        let halfway = preference(&settings.ranking, settings.scale).of(5.0) / 2.0;
        for user in 0..40 {
            let mean = |first: usize| (first..first + 20).map(|item| score(user, item)).sum::<f32>() / 20.0;
            let (own, other) = if user % 2 == 0 { (mean(0), mean(20)) } else { (mean(20), mean(0)) };
            assert!(own > halfway && other < 0.1, "user {user}: own {own}, other {other}");
            assert!(score(user, 40) < 0.2, "user {user}: what nobody likes scores {}", score(user, 40));
        }
    }
}
