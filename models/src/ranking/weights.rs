//! How much each observation counts, and how far factors are pulled towards zero.

use interactions::{Csr, Interactions};

use crate::RankingSettings;

/// What the ranking model asks of its rows.
///
/// Weights are powers of counts, with a mean of 1. A rating of somebody who rates everything tells less of what
/// belongs together than one of somebody who rates little; and that a user has not rated what everybody knows says
/// more than that he has not rated what nobody does (He, Zhang, Kan, Chua: "Fast Matrix Factorization for Online
/// Recommendation with Implicit Feedback", SIGIR 2016).
#[derive(Debug)]
pub(super) struct Weights {
    /// By user: how much each of his ratings counts.
    pub(super) rated: Vec<f32>,
    /// How much a pair counts, rated or not, is the product of its user's ...
    pub(super) unobserved_users: Vec<f32>,
    /// ... and its item's.
    pub(super) unobserved_items: Vec<f32>,
    /// By user, the pull towards zero.
    pub(super) user_ridge: Vec<f32>,
    /// By item.
    pub(super) item_ridge: Vec<f32>,
    /// What the numbers by user come from.
    pub(super) of_user: OfUser,
}

/// What a user's weights are made of, for a user who is not among these.
#[derive(Debug)]
pub(super) struct OfUser {
    /// What `(1 + number of ratings) ^ exponent` is divided by.
    pub(super) mean_activity: f32,
    /// The pull towards zero for each rating and each unit of unobserved weight.
    pub(super) ridge: f32,
    /// The weight of all of a user's pairs.
    pub(super) unobserved: f32,
}

impl Weights {
    pub(super) fn of(interactions: &Interactions, settings: &RankingSettings) -> Self {
        let Interactions { by_user, by_item } = interactions;
        let (rated, mean_activity) = powers(by_user, -settings.activity_discount);
        let unobserved_users = vec![1.0; by_user.n_rows()];
        let (mut unobserved_items, _) = powers(by_item, settings.popularity_emphasis);
        unobserved_items.iter_mut().for_each(|weight| *weight *= settings.unobserved_weight);
        let of_users = row_weights(by_user, &unobserved_users, &unobserved_items);
        let of_items = row_weights(by_item, &unobserved_items, &unobserved_users);
        let ridge = f64::from(settings.regularization) * noise(by_user, by_item)
            / (mean(&of_users) * mean(&of_items)).sqrt();
        let pulls = |weights: Vec<f64>| weights.iter().map(|weight| (ridge * weight) as f32).collect();
        let (user_ridge, item_ridge) = (pulls(of_users), pulls(of_items));
        let unobserved = unobserved_items.iter().copied().map(f64::from).sum::<f64>() as f32;
        let of_user = OfUser { mean_activity: mean_activity as f32, ridge: ridge as f32, unobserved };
        Self { rated, unobserved_users, unobserved_items, user_ridge, item_ridge, of_user }
    }
}

/// `(1 + number of ratings) ^ exponent` by row, over its mean; and the mean.
fn powers(matrix: &Csr, exponent: f32) -> (Vec<f32>, f64) {
    let power = |row: usize| (1.0 + matrix.columns(row).len() as f64).powf(f64::from(exponent));
    let powers: Vec<f64> = (0..matrix.n_rows()).map(power).collect();
    let mean = mean(&powers);
    (powers.iter().map(|power| (power / mean) as f32).collect(), mean)
}

/// By row: its number of ratings and the weight of all its pairs.
fn row_weights(matrix: &Csr, rows: &[f32], columns: &[f32]) -> Vec<f64> {
    let all: f64 = columns.iter().copied().map(f64::from).sum();
    let weight = |(row, &own): (usize, &f32)| matrix.columns(row).len() as f64 + f64::from(own) * all;
    rows.iter().enumerate().map(weight).collect()
}

/// About the largest singular value of as many ratings strewn at random, by users as active and over items as popular
/// as these: `sqrt(d_u) + sqrt(d_i)`, d being the number of ratings of the user, or of the item, of an average rating
/// (Füredi, Komlós: "The Eigenvalues of Random Symmetric Matrices", Combinatorica 1981, for rows that are all alike).
/// Pulls of a and b on two sides of factors take `sqrt(a b)` from each singular value of their product (Srebro, Rennie,
/// Jaakkola: "Maximum-Margin Matrix Factorization", NIPS 2004): what is to be told from noise must stand in proportion
/// to it, whatever the shape of the data.
fn noise(by_user: &Csr, by_item: &Csr) -> f64 {
    let degree = |matrix: &Csr| {
        let squares = (0..matrix.n_rows()).map(|row| (matrix.columns(row).len() as f64).powi(2)).sum::<f64>();
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

    /// User 0 has rated all of three items, user 1 the first.
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
    fn ratings_of_the_active_count_less_and_what_many_know_counts_more_unrated() {
        let weights = lopsided();
        // 1/4 and 1/2 over their mean; 3, 2 and 2 over theirs, times a tenth.
        for (found, expected) in [
            (&weights.rated, &[2.0 / 3.0, 4.0 / 3.0][..]),
            (&weights.unobserved_users, &[1.0, 1.0]),
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
    fn the_pull_on_an_average_user_and_an_average_item_is_a_share_of_the_noise() {
        let weights = lopsided();
        let average = |ridge: &[f32]| ridge.iter().sum::<f32>() / ridge.len() as f32;
        let pull = (average(&weights.user_ridge) * average(&weights.item_ridge)).sqrt();
        // An average rating's user has (9 + 1) / 4 ratings, its item (4 + 1 + 1) / 4.
        let noise = 2.5f32.sqrt() + 1.5f32.sqrt();
        assert!((pull - 0.5 * noise).abs() < 1e-4, "{pull} is not half of {noise}");
        // Three ratings and a third of a pair, against one rating and as much.
        let ratio = weights.user_ridge[0] / weights.user_ridge[1];
        assert!((ratio - 3.3 / 1.3).abs() < 1e-4, "{ratio}");
    }
}
