//! The ranking model: implicit alternating least squares (iALS) with stars.
//!
//! Every pair of user and movie is an observation. A movie that the user has rated should score the preference of its
//! stars ([`Preference`]); an unrated one should score 0, with a small weight. Training minimizes
//!
//! ```text
//! sum over ratings of v(u) (preference(r) - s)^2 + unobserved_weight * sum over all pairs of c(i) s^2
//!   + ridge * (sum over u of w(u) |user_factors[u]|^2 + sum over i of w(i) |item_factors[i]|^2)
//! ```
//!
//! - s = user_factors[u] . item_factors[i] is the score; factors are n_users x n_factors and n_items x n_factors.
//! - v(u) and c(i) are weights of users and items with a mean of 1, powers of their numbers of ratings ([`weights`]).
//! - w(row) is the row's number of ratings plus the weight of all its pairs, rated and unrated.
//! - ridge follows the noise of the data, so that the same settings serve few ratings and many ([`weights`]).
//!
//! The second sum over all pairs is that of Hu, Koren, Volinsky: "Collaborative Filtering for Implicit
//! Feedback Datasets", ICDM 2008. Regularization in proportion to w(row) follows Rendle, Krichene, Zhang,
//! Koren: "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022. The solver is
//! in [`als`].

mod popularity;
mod weights;

use indicatif::ProgressBar;
use interactions::{Csr, Interactions, Scale};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use ranking::Preference;
use store::records::UserTerms;

use super::als::{self, Factors, HalfEpoch, NotFinite, Observation};
use super::training_curve;
use super::{RankingSettings, TrainSettings};
use crate::error::{Error, Result};
use weights::Weights;

/// The trained items, and the terms that users share. Users are folded in from them.
pub(super) struct Trained {
    /// The factors of each item, row-major: n_items x n_factors of [`fit`], with one more for popularity of [`train`].
    pub(super) item_factors: Vec<f32>,
    /// Terms for the fold-in of users.
    pub(super) user_terms: UserTerms,
}

/// Trains the model on all users, and before on some of them to choose the shares of popularity ([`popularity`]). Of the
/// users that are trained with the items nothing is kept. `bar` counts the epochs of both.
///
/// # Errors
/// [`Error::Diverged`] if a number is not finite.
pub(super) fn train(
    interactions: &Interactions,
    settings: &TrainSettings,
    bar: &ProgressBar,
    curve: &mut Vec<f64>,
) -> Result<Trained> {
    let shares = popularity::shares(interactions, settings, bar)?;
    let Trained { item_factors, mut user_terms } = fit(interactions, settings, bar, curve)?;
    let preference = Preference::from(&user_terms);
    let popularity = popularity::popularity(interactions, settings.ranking.unobserved_weight, preference);
    let n_factors = user_terms.gram.len();
    let rows = item_factors.chunks_exact(n_factors).zip(&popularity);
    let mut with_popularity = Vec::with_capacity(item_factors.len() + popularity.len());
    rows.for_each(|(row, &popularity)| {
        with_popularity.extend_from_slice(row);
        with_popularity.push(popularity);
    });
    user_terms.popularity_shares = shares;
    Ok(Trained { item_factors: with_popularity, user_terms })
}

/// Trains the factors. Appends the error of every epoch to `curve`, see [`TrainingCurve`](super::TrainingCurve).
///
/// Rows are improved, not solved (see [`als`]); after some epochs the result is the same. Cost of an epoch,
/// with k = n_factors: 14 k multiplications a rating and 5/2 k^2 a row of either side. Memory: the factors,
/// and half a megabyte a thread.
///
/// # Errors
/// [`Error::Diverged`] if a number is not finite.
fn fit(
    interactions: &Interactions,
    settings: &TrainSettings,
    bar: &ProgressBar,
    curve: &mut Vec<f64>,
) -> Result<Trained> {
    let TrainSettings { ranking: settings, scale, seed, .. } = settings;
    let n_factors = settings.n_factors_for(interactions);
    let (n_users, n_items) = (interactions.n_users(), interactions.n_items());
    let mut users = Factors::zero(n_users, n_factors);
    let mut items = Factors::from_dense(&random_factors(n_items, n_factors, *seed)?, n_factors);
    let preference = preference(settings, *scale);
    let Weights { rated, unobserved_items, user_ridge, item_ridge, user_terms } =
        Weights::of(interactions, settings);
    let by_user = HalfEpoch {
        matrix: &interactions.by_user,
        row_weights: None,
        column_weights: Some(&unobserved_items),
        observe: |user, _, stars| Observation { weight: rated[user], target: preference.of(stars) },
        ridge: |user| user_ridge[user],
    };
    let by_item = HalfEpoch {
        matrix: &interactions.by_item,
        row_weights: Some(&unobserved_items),
        column_weights: None,
        observe: |_, user, stars| Observation { weight: rated[user as usize], target: preference.of(stars) },
        ridge: |item| item_ridge[item],
    };
    let diverged = |epoch, what| move |NotFinite| Error::Diverged { epoch, what, advice: advice(settings) };
    for epoch in 1..=settings.epochs {
        by_user.improve(&mut items, &mut users).map_err(diverged(epoch, "a user's ranking factors"))?;
        by_item.improve(&mut users, &mut items).map_err(diverged(epoch, "an item's ranking factors"))?;
        curve.push(error(&interactions.by_user, &users, &items, preference));
        bar.inc(1);
    }
    // In the items' axes their Gram matrix is a diagonal: n_factors numbers, which are published with the factors.
    let gram = als::rotate_to_axes(&mut items, &unobserved_items)
        .map_err(diverged(settings.epochs, "an item's ranking factors"))?;
    let Preference { min, max, floor, midpoint, steepness } = preference;
    let user_terms = UserTerms {
        min,
        max,
        floor,
        midpoint,
        steepness,
        activity_discount: settings.activity_discount,
        mean_activity: user_terms.mean_activity,
        ridge: user_terms.ridge,
        unobserved: user_terms.unobserved,
        gram,
        popularity_shares: Vec::new(),
    };
    Ok(Trained { item_factors: items.into_dense(), user_terms })
}

/// Advises on training that diverged: by the setting that is farthest from its default, if it is farther than any data can
/// need.
fn advice(settings: &RankingSettings) -> String {
    const FAR: f64 = 1000.0;
    let default = RankingSettings::default();
    let ratio = |(name, value, default): (&'static str, f32, f32)| {
        (name, value, f64::from(value) / f64::from(default))
    };
    let farthest = [
        ("--regularization", settings.regularization, default.regularization),
        ("--unobserved-weight", settings.unobserved_weight, default.unobserved_weight),
    ];
    let farthest = farthest.map(ratio).into_iter().max_by(|a, b| a.2.ln().abs().total_cmp(&b.2.ln().abs()));
    match farthest {
        Some((name, value, ratio)) if ratio > FAR => format!("lower {name}, which is {value:e}"),
        Some((name, value, ratio)) if ratio < 1.0 / FAR => format!("raise {name}, which is {value:e}"),
        _ => format!("raise --regularization above {}", settings.regularization),
    }
}

/// The root mean square of preferences less scores, over a sample of the ratings.
fn error(ratings: &Csr, users: &Factors, items: &Factors, preference: Preference) -> f64 {
    fn row(factors: &Factors, index: usize) -> &[f32] {
        &factors.as_slice()[index * factors.stride()..][..factors.stride()]
    }
    let sample = ratings.every(training_curve::stride(ratings.n_cells()));
    training_curve::rms(sample.map(|(user, item, stars)| {
        let factors = row(users, user).iter().zip(row(items, item));
        preference.of(stars) - factors.map(|(p, q)| p * q).sum::<f32>()
    }))
}

fn preference(settings: &RankingSettings, scale: Scale) -> Preference {
    let &RankingSettings { floor, midpoint, steepness, .. } = settings;
    Preference { min: scale.min, max: scale.max, floor, midpoint, steepness }
}

/// Random factors to start from (n_rows x n_factors, row-major): rows of a length of about a tenth, all different.
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

    /// Two groups of users, each with movies of its own, and one movie with low ratings alone.
    #[test]
    fn users_score_the_movies_of_their_own_planted_group_highest() {
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
        let mut curve = Vec::new();
        let Trained { item_factors, user_terms } =
            fit(&interactions, &settings, &ProgressBar::hidden(), &mut curve).unwrap();
        assert_eq!(curve.len(), settings.ranking.epochs);
        assert!(curve.last() < curve.first(), "{curve:?}");
        let item = |item: usize| &item_factors[item * 8..][..8];
        let score = |user: usize, candidate: usize| -> f32 {
            let (rated, stars) = interactions.by_user.row(user);
            let ratings = rated.iter().zip(stars).map(|(&rated, &stars)| (item(rated as usize), stars));
            let user = ::ranking::FoldIn::new(&user_terms, ratings).factors();
            user.iter().zip(item(candidate)).map(|(p, q)| p * q).sum()
        };
        // Nearer to the preference of five stars than to that of an unrated movie.
        let halfway = preference(&settings.ranking, settings.scale).of(5.0) / 2.0;
        for user in 0..40 {
            let mean = |first: usize| (first..first + 20).map(|item| score(user, item)).sum::<f32>() / 20.0;
            let (own, other) = if user % 2 == 0 { (mean(0), mean(20)) } else { (mean(20), mean(0)) };
            assert!(own > halfway && other < 0.1, "user {user}: own {own}, other {other}");
            assert!(
                score(user, 40) < 0.2,
                "user {user}: the movie with low ratings scores {}",
                score(user, 40)
            );
        }
    }

    #[test]
    fn the_advice_on_divergence_names_the_setting_that_causes_it_and_its_direction() {
        let by_user = Csr::from_sorted(4, [0, 0, 1, 2, 3, 3], vec![0, 1, 1, 2, 0, 2], vec![4.0; 6]);
        let interactions = Interactions::from_users(by_user, 3);
        let mut settings = TrainSettings::default();
        settings.ranking.n_factors = Some(4);
        settings.ranking.regularization = 3e38;
        let error = Model::train(&interactions, &settings, &ProgressBar::hidden()).unwrap_err();
        assert!(matches!(error, Error::Diverged { epoch: 1, .. }), "{error}");
        assert!(error.to_string().ends_with("; lower --regularization, which is 3e38"), "{error}");
        let heavy = RankingSettings { unobserved_weight: 3e38, ..RankingSettings::default() };
        assert_eq!(advice(&heavy), "lower --unobserved-weight, which is 3e38");
        let advice =
            |regularization| advice(&RankingSettings { regularization, ..RankingSettings::default() });
        assert_eq!(advice(1e-9), "raise --regularization, which is 1e-9");
        assert_eq!(advice(0.1), "raise --regularization above 0.1");
    }
}
