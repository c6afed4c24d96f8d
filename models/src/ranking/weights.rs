//! The weights of observations, and the regularization of rows.

use interactions::{Csr, Interactions};

use crate::RankingSettings;

/// Weights of the ranking model's objective.
///
/// Weights are powers of numbers of ratings, with a mean of 1. A rating of a user with many ratings says less
/// about which movies belong together than one of a user with few. That a user has not rated a popular movie
/// says more than that the user has not rated an obscure one (He, Zhang, Kan, Chua: "Fast Matrix
/// Factorization for Online Recommendation with Implicit Feedback", SIGIR 2016).
#[derive(Debug)]
pub(super) struct Weights {
    /// v: the weight of each rating of a user, by user.
    pub(super) rated: Vec<f32>,
    /// `unobserved_weight * c`: the weight of any pair, rated or not, by item.
    pub(super) unobserved_items: Vec<f32>,
    /// `ridge * w`, by user.
    pub(super) user_ridge: Vec<f32>,
    /// `ridge * w`, by item.
    pub(super) item_ridge: Vec<f32>,
    /// The terms that the numbers by user are made of.
    pub(super) user_terms: UserWeightTerms,
}

/// The terms that give a further user's weights.
#[derive(Debug)]
pub(super) struct UserWeightTerms {
    /// The mean of `(1 + number of ratings) ^ exponent`, by which a user's is divided.
    pub(super) mean_activity: f32,
    /// The regularization for each rating and each unit of unobserved weight.
    pub(super) ridge: f32,
    /// The weight of all pairs of a user.
    pub(super) unobserved: f32,
}

impl Weights {
    pub(super) fn of(interactions: &Interactions, settings: &RankingSettings) -> Self {
        let Interactions { by_user, by_item } = interactions;
        let (rated, mean_activity) = powers(by_user, -settings.activity_discount);
        let (mut unobserved_items, _) = powers(by_item, settings.popularity_emphasis);
        unobserved_items.iter_mut().for_each(|weight| *weight *= settings.unobserved_weight);
        // w: the number of ratings of a row and the weight of all its pairs.
        let unobserved = unobserved_items.iter().copied().map(f64::from).sum::<f64>();
        let of_users: Vec<f64> = degrees(by_user).map(|n_ratings| n_ratings + unobserved).collect();
        let n_users = by_user.n_rows() as f64;
        let of_items = degrees(by_item).zip(&unobserved_items);
        let of_items: Vec<f64> =
            of_items.map(|(n_ratings, &weight)| n_ratings + f64::from(weight) * n_users).collect();
        let ridge = f64::from(settings.regularization) * noise(by_user, by_item)
            / (mean(&of_users) * mean(&of_items)).sqrt();
        let scaled = |weights: Vec<f64>| weights.iter().map(|weight| (ridge * weight) as f32).collect();
        let (user_ridge, item_ridge) = (scaled(of_users), scaled(of_items));
        let user_terms = UserWeightTerms {
            mean_activity: mean_activity as f32,
            ridge: ridge as f32,
            unobserved: unobserved as f32,
        };
        Self { rated, unobserved_items, user_ridge, item_ridge, user_terms }
    }
}

/// The number of ratings of each row.
fn degrees(matrix: &Csr) -> impl Iterator<Item = f64> {
    (0..matrix.n_rows()).map(|row| matrix.columns(row).len() as f64)
}

/// `(1 + number of ratings) ^ exponent` by row, divided by its mean; and the mean.
fn powers(matrix: &Csr, exponent: f32) -> (Vec<f32>, f64) {
    let powers: Vec<f64> = degrees(matrix).map(|n| (1.0 + n).powf(f64::from(exponent))).collect();
    let mean = mean(&powers);
    (powers.iter().map(|power| (power / mean) as f32).collect(), mean)
}

/// The approximate largest singular value of a random matrix with as many ratings, of users as active and
/// items as popular as these: `sqrt(d_u) + sqrt(d_i)`, with d the number of ratings of the user, or of the
/// item, of an average rating (Yin, Bai, Krishnaiah: "On the Limit of the Largest Eigenvalue of the Large
/// Dimensional Sample Covariance Matrix", Probability Theory and Related Fields 1988, for rows that are all
/// alike; Latała: "Some Estimates of Norms of Random Matrices", Proceedings of the AMS 2005, for others).
///
/// Regularization of a and b on the two sides subtracts `sqrt(a b)` from each singular value of the product
/// of the factors (Srebro, Rennie, Jaakkola: "Maximum-Margin Matrix Factorization", NIPS 2004). So in
/// proportion to this number it separates structure from noise, for data of any shape.
fn noise(by_user: &Csr, by_item: &Csr) -> f64 {
    let degree = |matrix: &Csr| {
        let squares = degrees(matrix).map(|n| n.powi(2)).sum::<f64>();
        squares / matrix.n_cells().max(1) as f64
    };
    degree(by_user).sqrt() + degree(by_item).sqrt()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights of two users: user 0 has rated all of three items, user 1 the first.
    fn lopsided() -> Weights {
        let by_user = Csr::from_sorted(2, [0, 0, 0, 1], vec![0, 1, 2, 0], vec![4.0; 4]);
        let interactions = Interactions { by_item: by_user.transpose(3), by_user };
        let settings = RankingSettings {
            regularization: 0.5,
            unobserved_weight: 0.1,
            activity_discount: 1.0,
            popularity_emphasis: 1.0,
            ..RankingSettings::default()
        };
        Weights::of(&interactions, &settings)
    }

    #[test]
    fn ratings_of_active_users_weigh_less_and_unrated_popular_items_weigh_more() {
        let weights = lopsided();
        // 1/4 and 1/2, divided by their mean; 3, 2 and 2, divided by their mean and times a tenth.
        for (found, expected) in [
            (&weights.rated, &[2.0 / 3.0, 4.0 / 3.0][..]),
            (&weights.unobserved_items, &[0.9 / 7.0, 0.6 / 7.0, 0.6 / 7.0]),
        ] {
            assert_eq!(found.len(), expected.len());
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
                "{found:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn the_mean_regularization_is_the_configured_share_of_the_noise() {
        let weights = lopsided();
        let average = |ridge: &[f32]| ridge.iter().sum::<f32>() / ridge.len() as f32;
        let mean_ridge = (average(&weights.user_ridge) * average(&weights.item_ridge)).sqrt();
        // The user of an average rating has (9 + 1) / 4 ratings, its item (4 + 1 + 1) / 4.
        let noise = 2.5f32.sqrt() + 1.5f32.sqrt();
        assert!((mean_ridge - 0.5 * noise).abs() < 1e-4, "{mean_ridge} is not half of {noise}");
        // Three ratings and three unobserved pairs of a tenth, against one rating and as many pairs.
        let ratio = weights.user_ridge[0] / weights.user_ridge[1];
        assert!((ratio - 3.3 / 1.3).abs() < 1e-4, "{ratio}");
    }
}
