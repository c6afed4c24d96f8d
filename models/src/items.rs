//! Both models without their users, and the fold-in of users one by one.
//!
//! A user's factors follow from the user's ratings alone, because the items are fixed. So users can be folded in in
//! any order and on any number of machines, whether they were in training or not.

use ::ranking::FoldIn;
use indicatif::ProgressBar;
use interactions::{Csr, Interactions};
use rayon::prelude::*;
use store::records::UserTerms;

use super::{
    Model, Objective, RankingFactors, RatingItems, RatingModel, TrainSettings, TrainingCurve, ranking, rating,
};
use crate::error::{Error, Result};

/// Fewest users that a thread takes at a time.
const MIN_USERS: usize = 16;

/// The items of both models, with all that users are folded in from.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemModel {
    /// Number of ranking factors of each item and user, with that of popularity, or of biases.
    pub n_factors: usize,
    /// n_items x n_factors, row-major.
    pub item_factors: Vec<f32>,
    /// Terms for the fold-in of users' ranking factors; `None` if predicted stars order the lists.
    pub user_terms: Option<UserTerms>,
    /// The items of the rating model.
    pub rating: RatingItems,
}

/// The factors of a user in both models.
#[derive(Debug, Clone, PartialEq)]
pub struct UserFactors {
    /// Ranking factors: n_factors numbers.
    pub ranking: Vec<f32>,
    /// Bias in the rating model, in stars.
    pub bias: f32,
    /// Factors in the rating model.
    pub rating: Vec<f32>,
}

impl ItemModel {
    /// Trains the models that the settings ask for. `bar` counts epochs and sweeps.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range; [`Error::Diverged`] and
    /// [`Error::SamplingDiverged`] if a number is not finite.
    pub fn train(
        interactions: &Interactions,
        settings: &TrainSettings,
        bar: &ProgressBar,
    ) -> Result<(Self, TrainingCurve)> {
        settings.check()?;
        let has_ranking = settings.objective == Objective::Ranking;
        let n_sweeps = settings.rating.n_sweeps_for(interactions);
        bar.set_length((n_sweeps + if has_ranking { 2 * settings.ranking.epochs } else { 0 }) as u64);
        let mut curve = TrainingCurve::default();
        let rating = rating::fit(interactions, &settings.rating, settings.seed, bar, &mut curve.rating)?;
        let items = match settings.objective {
            Objective::Ranking => {
                let trained = ranking::train(interactions, settings, bar, &mut curve.ranking)?;
                let ranking::Trained { item_factors, user_terms } = trained;
                let n_factors = user_terms.gram.len() + 1;
                Self { n_factors, item_factors, user_terms: Some(user_terms), rating }
            }
            Objective::Rating => Self::by_predicted_stars(rating),
        };
        Ok((items, curve))
    }

    /// Items whose lists are ordered by predicted stars.
    pub(super) fn by_predicted_stars(rating: RatingItems) -> Self {
        let n_rating = rating.terms.n_factors();
        // An item's last factor is its bias.
        Self { n_factors: n_rating + 1, item_factors: rating.ranking_factors(), user_terms: None, rating }
    }

    /// The ranking factors of an item.
    fn item(&self, item: u32) -> &[f32] {
        &self.item_factors[item as usize * self.n_factors..][..self.n_factors]
    }

    /// Folds in a user with ratings in stars of some items, with the same bits on every machine. A user
    /// without ratings of these items gets the most rated items and the items' mean predictions. `is_trained`
    /// states whether the items were trained on this user's ratings, among others.
    ///
    /// Cost: some ten steps of [`FoldIn`], and that of [`RatingItems::fold_in`].
    ///
    /// # Errors
    /// [`Error::UserDiverged`] if a factor is not finite.
    pub fn fold_in(&self, items: &[u32], stars: &[f32], is_trained: bool) -> Result<UserFactors> {
        let mut rating = vec![0.0; self.rating.terms.n_factors()];
        let report = "please report it with the settings of the run";
        let diverged = |what, advice| move || Error::UserDiverged { what, advice };
        let bias = self
            .rating
            .fold_in(items, stars, is_trained, &mut rating)
            .ok_or_else(diverged("rating factors", report))?;
        let ranking = match &self.user_terms {
            Some(terms) => {
                let ratings = items.iter().zip(stars).map(|(&item, &stars)| (self.item(item), stars));
                FoldIn::new(terms, ratings).factors()
            }
            // An item's last factor is its bias.
            None => rating.iter().copied().chain([1.0]).collect(),
        };
        let finite = ranking.iter().all(|factor| factor.is_finite());
        let overflows =
            |terms: &UserTerms| !(terms.ridge * (items.len() as f32 + terms.unobserved)).is_finite();
        let advice = match &self.user_terms {
            Some(terms) if overflows(terms) => "lower --regularization or --unobserved-weight",
            _ => report,
        };
        finite
            .then_some(UserFactors { ranking, bias, rating })
            .ok_or_else(diverged("ranking factors", advice))
    }

    /// Folds in all users and joins them with the items. `is_trained` states for each user index whether the
    /// items were trained on that user's ratings. Cost: [`Self::fold_in`] for each, in parallel.
    ///
    /// # Errors
    /// [`Error::UserDiverged`] if a factor is not finite.
    pub fn with_users(
        self,
        by_user: &Csr,
        is_trained: impl Fn(usize) -> bool + Sync,
        curve: TrainingCurve,
    ) -> Result<Model> {
        let (n_users, n_ranking, n_rating) =
            (by_user.n_rows(), self.n_factors, self.rating.terms.n_factors());
        let mut ranking = vec![0.0; n_users * n_ranking];
        let (mut user_bias, mut rating) = (vec![0.0; n_users], vec![0.0; n_users * n_rating]);
        let rows = ranking
            .par_chunks_exact_mut(n_ranking)
            .zip(rating.par_chunks_exact_mut(n_rating))
            .zip(&mut user_bias);
        rows.enumerate().with_min_len(MIN_USERS).try_for_each(|(user, ((ranking, rating), bias))| {
            let (items, stars) = by_user.row(user);
            let user = self.fold_in(items, stars, is_trained(user))?;
            ranking.copy_from_slice(&user.ranking);
            rating.copy_from_slice(&user.rating);
            *bias = user.bias;
            Ok::<_, Error>(())
        })?;
        let RatingItems { terms, item_bias, item_factors, .. } = self.rating;
        Ok(Model {
            ranking: RankingFactors {
                n_factors: n_ranking,
                user_factors: ranking,
                item_factors: self.item_factors,
            },
            user_terms: self.user_terms,
            rating: RatingModel {
                n_factors: n_rating,
                global_mean: terms.global_mean,
                user_bias,
                item_bias,
                user_factors: rating,
                item_factors,
            },
            curve,
        })
    }
}

#[cfg(test)]
mod tests;
